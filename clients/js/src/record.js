/** A record: what one program holds of a RealTube tree, kept up to date. */

import { isBase } from './base.js';
import { encodeText, sha256 } from './bytes.js';
import { Climb } from './climb.js';
import { damaged, RealTubeError } from './errors.js';
import { Head } from './head.js';
import { isId } from './ids.js';
import { Origins } from './origins.js';
import { pollAfterFailure, pollAfterSuccess } from './polling.js';
import { Rows } from './rows.js';
import { array, exactly, object, parseJson } from './shape.js';
import { Root } from './signed.js';
import { indexedDBStore } from './stores.js';
import { newestHead, readPin, RootChain } from './trust.js';

/** @typedef {import('./errors.js').Evidence} Evidence */
/** @typedef {import('./stores.js').Store} Store */
/** @typedef {import('./trust.js').Pin} Pin */
/** @typedef {'fully_ai' | 'ai_voiceover' | 'ai_visuals' | 'ai_thumbnails' | 'ai_assisted'} Category */

/**
 * What the record says of one video. Of a hidden one nothing may be shown: it has no score and no flags.
 * @typedef {object} Verdict
 * @property {string} id
 * @property {number | null} score 0–100
 * @property {Record<Category, boolean>} flags
 * @property {boolean} locked by a moderator
 * @property {boolean} priorOnly lifted by its channel alone
 * @property {boolean} hidden
 */

/**
 * @typedef {object} Report
 * @property {number | null} from the tick held before
 * @property {number} seq
 * @property {string} epoch
 * @property {number} rows
 * @property {string} how the steps taken, joined by `+`
 * @property {number} requests
 * @property {number} bytes
 * @property {boolean} stale the rows are the newest there are, and old
 * @property {{seq: number, reason: string} | null} frozen
 * @property {{ts: number, see: string} | null} sunset
 * @property {number} nextPollMs when to sync again, Unix milliseconds
 * @property {string[]} warnings
 */

/** Everything that is held at one moment; replaced as a whole. @typedef {{fingerprint: string, root: Root, head: Head, rows: Rows | null}} Holding */

/** @type {readonly Category[]} */
export const CATEGORIES = ['fully_ai', 'ai_voiceover', 'ai_visuals', 'ai_thumbnails', 'ai_assisted'];
const LOCKED = 64;
const PRIOR_ONLY = 128;

/** Of the stored form: what another version of this module wrote is not read. */
const FORMAT = 1;
const MAX_KILL_BYTES = 1 << 20;
const MAX_EVIDENCE = 8;
const MAX_CONFLICTS = 3;

/**
 * @param {string} id
 * @param {number | null} value score plus 256 times flags; null for a hidden video
 * @returns {Verdict}
 */
function verdict(id, value) {
  const bits = (value ?? 0) >> 8;
  const flags = Object.fromEntries(CATEGORIES.map((category, place) => [category, (bits & (1 << place)) !== 0]));
  return {
    id,
    score: value === null ? null : value & 255,
    flags: /** @type {Record<Category, boolean>} */ (flags),
    locked: (bits & LOCKED) !== 0,
    priorOnly: (bits & PRIOR_ONLY) !== 0,
    hidden: value === null,
  };
}

/**
 * Takes up what was stored; what cannot be read is fetched again.
 * @param {any} state
 * @param {any} base
 * @returns {Promise<Holding | null>}
 */
async function restore(state, base) {
  if (state.format !== FORMAT) return null;
  try {
    const root = await Root.read(encodeText(state.root), state.rootVersion);
    const head = await Head.read(encodeText(state.head), 'stored head');
    const known = isBase(base) && base.epoch === head.payload.epoch && base.seq === head.payload.base.seq;
    const rows = known ? Rows.restore(base, state.overlay, head.payload.state) : null;
    return { fingerprint: state.fingerprint, root, head, rows };
  } catch {
    return null;
  }
}

export class TubeRecord {
  /** @type {Holding | null} */
  #holding = null;
  /** @type {{file: string | null, ids: Set<string>}} */
  #kill = { file: null, ids: new Set() };
  /** @type {{failures: number, nextPollMs: number | null}} */
  #poll = { failures: 0, nextPollMs: null };
  /** The stored state's, 0 without one. */
  #version = 0;
  /** @type {Promise<Report> | null} */
  #running = null;
  #origins;
  #pin;
  #store;
  #now;
  #random;

  /**
   * @param {Origins} origins
   * @param {Pin} pin
   * @param {Store} store
   * @param {() => number} now
   * @param {() => number} random
   */
  constructor(origins, pin, store, now, random) {
    this.#origins = origins;
    this.#pin = pin;
    this.#store = store;
    this.#now = now;
    this.#random = random;
  }

  /**
   * What the record says of some videos.
   * @param {string[]} ids
   * @returns {(Verdict | null)[]} one for each id; null for those it says nothing of
   */
  lookup(ids) {
    if (!Array.isArray(ids)) throw new TypeError('ids is an array of video ids');
    return ids.map((id) => {
      if (!isId(id)) return null;
      if (this.#kill.ids.has(id)) return verdict(id, null);
      const value = this.#holding?.rows?.find(id) ?? null;
      return value === null ? null : verdict(id, value);
    });
  }

  /** What is held now, and when to sync. */
  status() {
    const head = this.#holding?.head.payload;
    return {
      log: head?.log ?? null,
      gen: head?.gen ?? null,
      seq: head?.seq ?? null,
      epoch: head?.epoch ?? null,
      ts: head?.ts ?? null,
      rows: this.#holding?.rows?.n ?? null,
      state: head?.state ?? null,
      hidden: this.#kill.ids.size,
      stale: head ? this.#now() > head.exp : false,
      frozen: head?.frozen ?? null,
      sunset: head?.sunset ?? null,
      failures: this.#poll.failures,
      nextPollMs: this.#poll.nextPollMs,
    };
  }

  /**
   * Pairs of signed heads that cannot both be honest, the newest last.
   * @returns {Promise<Evidence[]>}
   */
  async evidence() {
    return (await this.#store.read(['evidence']))[0] ?? [];
  }

  /**
   * Brings the record up to date. Calls at the same time share one run.
   * @returns {Promise<Report>}
   * @throws {RealTubeError} when it stays as it was; `nextPollMs` says when to try again
   */
  sync() {
    this.#running ??= this.#syncOnce().finally(() => (this.#running = null));
    return this.#running;
  }

  /** Reads what the store has, unless it is held already. */
  async load() {
    const [state, kill, poll] = await this.#store.read(['state', 'kill', 'poll']);
    if (poll) this.#poll = poll;
    if (kill) this.#kill = kill;
    if ((state?.version ?? 0) === this.#version) return;
    const [newest, base] = await this.#store.read(['state', 'base']);
    this.#version = newest.version;
    this.#holding = await restore(newest, base);
    const pinned = this.#pin.fingerprint;
    if (pinned !== null && this.#holding?.fingerprint !== pinned) this.#holding = null;
  }

  /** @returns {Promise<Report>} */
  async #syncOnce() {
    const origins = this.#origins.begin();
    try {
      for (let conflicts = 0; conflicts < MAX_CONFLICTS; conflicts++) {
        await this.load();
        const report = await this.#attempt(origins);
        if (report) return report;
      }
      throw new RealTubeError('storage', 'other programs keep changing the store');
    } catch (error) {
      await this.#failed(error);
      throw error;
    }
  }

  /** @param {unknown} error */
  async #failed(error) {
    const failures = this.#poll.failures + 1;
    this.#poll = { failures, nextPollMs: pollAfterFailure(failures, this.#now(), this.#random) };
    if (!(error instanceof RealTubeError)) return;
    error.nextPollMs = this.#poll.nextPollMs;
    await this.#store.write({ poll: this.#poll }).catch(() => {}); // the first error says more
  }

  /** @param {RealTubeError[]} refusals */
  async #keepEvidence(refusals) {
    const found = refusals.flatMap(({ evidence }) => evidence ?? []);
    if (found.length === 0) return;
    const kept = await this.evidence();
    const fresh = found.filter(({ held, seen }) => !kept.some((pair) => pair.held === held && pair.seen === seen));
    if (fresh.length) await this.#store.write({ evidence: [...kept, ...fresh].slice(-MAX_EVIDENCE) });
  }

  /**
   * One run of the algorithm.
   * @param {Origins} origins
   * @returns {Promise<Report | null>} null when another program was faster: what it stored is to be read first
   */
  async #attempt(origins) {
    const held = this.#holding;
    const begin = async () => (held ? new RootChain(held.root, origins) : RootChain.begin(this.#pin, origins));
    const { head, origin, roots, refusals } = await newestHead(origins, held?.head ?? null, begin).catch(async (error) => {
      if (error instanceof RealTubeError) await this.#keepEvidence([error]);
      throw error;
    });
    await this.#keepEvidence(refusals);
    origins.prefer(origin);
    if (!(await this.#followKillList(head, origins))) return null;

    const climb = new Climb(held, head, origins);
    const same = held && head.hash === held.head.hash ? held.rows : null;
    const { rows, how } = same ? { rows: same, how: 'same' } : await climb.run();
    const poll = { failures: 0, nextPollMs: pollAfterSuccess(head.payload, this.#now(), this.#random) };
    const fingerprint = held?.fingerprint ?? (await sha256(encodeText(roots[0].content)));
    const next = { fingerprint, root: roots[roots.length - 1], head, rows };
    if (!(same ? await this.#store.write({ poll }) : await this.#keep(next, poll))) return null;
    this.#poll = poll;

    const { seq, epoch, n, exp, frozen = null, sunset = null } = head.payload;
    const warnings = [...refusals.map(({ message }) => message), ...climb.failures];
    if (this.#pin.fingerprint === null) warnings.unshift('no root is pinned: the first one that was seen is trusted');
    const stale = this.#now() > exp;
    const { requests, bytes } = origins;
    const from = held?.head.payload.seq ?? null;
    return { from, seq, epoch, rows: n, how, requests, bytes, stale, frozen, sunset, nextPollMs: poll.nextPollMs, warnings };
  }

  /**
   * Puts new rows in place of the old ones, in the store and then here.
   * @param {{fingerprint: string, root: Root, head: Head, rows: Rows}} next
   * @param {{failures: number, nextPollMs: number}} poll
   * @returns {Promise<boolean>} false when another program was faster
   */
  async #keep(next, poll) {
    const { fingerprint, root, head, rows } = next;
    const state = {
      format: FORMAT,
      version: this.#version + 1,
      fingerprint,
      root: root.content,
      rootVersion: root.version,
      head: head.content,
      overlay: rows.overlay(),
    };
    const newBase = rows.base !== this.#holding?.rows?.base;
    const entries = newBase ? { state, poll, base: rows.base } : { state, poll };
    if (!(await this.#store.write(entries, this.#version))) return false;
    this.#version++;
    this.#holding = next;
    return true;
  }

  /**
   * Takes over the head's kill list at once: it counts whatever becomes of the rows.
   * @param {Head} head
   * @param {Origins} origins
   * @returns {Promise<boolean>} false when another program was faster
   */
  async #followKillList({ payload: { kill } }, origins) {
    if ((kill?.file ?? null) === this.#kill.file) return true;
    let ids = [];
    if (kill) {
      const key = `v1/kill-${kill.file.slice(0, 16)}.json`;
      if (kill.bytes > MAX_KILL_BYTES) throw new RealTubeError('size', `${key} has ${kill.bytes} bytes`);
      ids = await origins.readFile(key, kill, (body) => {
        /** @type {any} */
        const list = parseJson(body);
        if (!object({ v: exactly(1), ids: array(isId) })(list)) throw damaged(key, 'is no kill list');
        return list.ids;
      });
    }
    const next = { file: kill?.file ?? null, ids: new Set(ids) };
    if (!(await this.#store.write({ kill: next }, this.#version))) return false;
    this.#kill = next;
    return true;
  }
}

/**
 * Opens a record: what its store holds is there at once, `sync()` brings the rest.
 * @param {object} options
 * @param {string[]} options.origins addresses of the folders that hold `v1/`, the preferred one first
 * @param {string} [options.root] the text of root 1, or its SHA-256 in hex; without it the first root seen is trusted
 * @param {Store} [options.store] IndexedDB unless another is given
 * @param {typeof globalThis.fetch} [options.fetch]
 * @param {() => number} [options.now] Unix milliseconds
 * @param {() => number} [options.random] from 0 to 1
 */
export async function openRecord({ origins, root, store, fetch, now = Date.now, random = Math.random }) {
  for (const [name, given] of Object.entries({ fetch, now, random })) {
    if (given !== undefined && typeof given !== 'function') throw new TypeError(`${name} is a function`);
  }
  const get = fetch ?? ((...request) => globalThis.fetch(...request));
  const record = new TubeRecord(new Origins(origins, get), await readPin(root), store ?? indexedDBStore(), now, random);
  await record.load();
  return record;
}
