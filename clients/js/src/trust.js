/** Which heads to believe: roots, signatures, and what the head held rules out. */

import { encodeText, sha256 } from './bytes.js';
import { RealTubeError } from './errors.js';
import { Head, HEAD_KEY, MAX_HEAD_BYTES } from './head.js';
import { MAX_ROOT_BYTES, nextRoot, Root } from './signed.js';

/** @typedef {import('./origins.js').Origins} Origins */

/**
 * What a program pins: root 1's file, or its fingerprint, or nothing.
 * @typedef {{fingerprint: string | null, content: string | null}} Pin
 */

/**
 * @param {unknown} root as given to `openRecord`
 * @returns {Promise<Pin>}
 */
export async function readPin(root) {
  if (root === undefined || root === null) return { fingerprint: null, content: null };
  if (typeof root === 'string' && /^[0-9a-f]{64}$/.test(root)) return { fingerprint: root, content: null };
  if (typeof root === 'string' && root.startsWith('{')) {
    await nextRoot(encodeText(root), null);
    return { fingerprint: await sha256(encodeText(root)), content: root };
  }
  throw new TypeError('root is the text of root 1, or its SHA-256 in hex');
}

/** The chain of roots, from the highest that is held. */
export class RootChain {
  /**
   * @param {Root} first
   * @param {Origins} origins
   */
  constructor(first, origins) {
    this.roots = [first];
    this.origins = origins;
  }

  /**
   * Root 1, as pinned or as the first origin that has one gives it.
   * @param {Pin} pin
   * @param {Origins} origins
   */
  static async begin(pin, origins) {
    if (pin.content !== null) return new RootChain(await nextRoot(encodeText(pin.content), null), origins);
    const first = await origins.read('v1/root/1.json', { bytes: MAX_ROOT_BYTES }, async (body) => {
      if (pin.fingerprint !== null && (await sha256(body)) !== pin.fingerprint) {
        throw new RealTubeError('signature', 'root 1 is not the one that is pinned');
      }
      return nextRoot(body, null);
    });
    return new RootChain(first, origins);
  }

  /**
   * Root `version`, by way of all before it.
   * @param {number} version at least that of the first one
   */
  async reach(version) {
    for (let newest = this.roots[this.roots.length - 1]; newest.version < version; ) {
      const before = newest;
      const key = `v1/root/${before.version + 1}.json`;
      newest = await this.origins.read(key, { bytes: MAX_ROOT_BYTES }, (body) => nextRoot(body, before));
      this.roots.push(newest);
    }
    return this.roots[version - this.roots[0].version];
  }

  /**
   * Checks that the root which a head names certifies it.
   * @param {Head} head
   */
  async certify(head) {
    const { gen } = head.payload;
    const { version } = this.roots[0];
    if (gen < version) throw new RealTubeError('refused-gen', `the head is certified by root ${gen}, root ${version} is held`);
    const root = await this.reach(gen);
    await root.check('online', 'realtube/head/1', head.signed, `head ${head.payload.seq}`);
  }
}

/**
 * @param {Head} held
 * @param {Head} seen
 * @param {number} seq
 */
const equivocation = (held, seen, seq) =>
  new RealTubeError('equivocation', `two signed versions of tick ${seq}`, {
    evidence: { held: held.content, seen: seen.content },
  });

/**
 * Refuses a certified head that the one held rules out.
 * @param {Head} held
 * @param {Head} seen
 */
export function admit(held, seen) {
  const [ours, theirs] = [held.payload, seen.payload];
  if (theirs.log !== ours.log) {
    throw new RealTubeError('refused-log', `the head belongs to votes log ${theirs.log}, the one held to ${ours.log}`);
  }
  if (theirs.gen > ours.gen) return;
  if (theirs.seq < ours.seq) {
    throw new RealTubeError('rollback', `the head is of tick ${theirs.seq}, tick ${ours.seq} is held`);
  }
  const other = theirs.seq === ours.seq ? seen.hash !== held.hash : theirs.seq === ours.seq + 1 && theirs.prev !== held.hash;
  if (other) throw equivocation(held, seen, ours.seq);
}

/**
 * Asks all origins for their heads and takes the valid one with the highest (`gen`, `seq`).
 * @param {Origins} origins
 * @param {Head | null} held
 * @param {() => Promise<RootChain>} begin how to get the roots
 * @returns {Promise<{head: Head, origin: string, roots: Root[], refusals: RealTubeError[]}>} with the roots up to the head's
 */
export async function newestHead(origins, held, begin) {
  const read = async (/** @type {string} */ origin) => {
    const bytes = await origins.get(origin, HEAD_KEY, { bytes: MAX_HEAD_BYTES }, 'no-cache');
    return { origin, head: await Head.read(bytes, `head of ${origin}`) };
  };
  const answers = await Promise.allSettled(origins.urls.map(read));
  /** @type {RealTubeError[]} */
  const refusals = [];
  /** @type {RootChain | undefined} */
  let chain;
  /** @type {{origin: string, head: Head} | null} */
  let best = null;
  for (const answer of answers) {
    try {
      if (answer.status === 'rejected') throw answer.reason;
      const { head } = answer.value;
      chain ??= await begin();
      await chain.certify(head);
      if (held) admit(held, head);
      const [gen, seq] = best ? [best.head.payload.gen, best.head.payload.seq] : [0, 0];
      if (best && head.payload.gen === gen && head.payload.seq === seq && head.hash !== best.head.hash) {
        throw equivocation(best.head, head, seq);
      }
      if (head.payload.gen > gen || (head.payload.gen === gen && head.payload.seq > seq)) best = answer.value;
    } catch (error) {
      if (!(error instanceof RealTubeError) || error.code === 'unsupported') throw error;
      refusals.push(error);
    }
  }
  if (!best || !chain) throw worst(refusals);
  const roots = chain.roots.filter(({ version }) => version <= best.head.payload.gen);
  return { ...best, roots, refusals };
}

/**
 * The refusal that says most: evidence, else the first that is no mere failure to answer.
 * @param {RealTubeError[]} refusals at least one
 */
function worst(refusals) {
  const silent = ['network', 'missing'];
  return refusals.find(({ evidence }) => evidence) ?? refusals.find(({ code }) => !silent.includes(code)) ?? refusals[0];
}
