/** The head: the one file that changes and names all others. */

import { decodeText, fromBase64, sha256 } from './bytes.js';
import { RealTubeError } from './errors.js';
import { readSigned } from './signed.js';
import * as is from './shape.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {{file: string, bytes: number}} FileName */
/** @typedef {{file: string, block: string, sizes: number[]}} Ring */

/**
 * The fields of a head that this client uses.
 * @typedef {object} HeadPayload
 * @property {string[]} req
 * @property {number} gen
 * @property {string} log
 * @property {number} seq
 * @property {string} epoch
 * @property {number} ts
 * @property {number} exp
 * @property {number} next
 * @property {number} spread
 * @property {number} n
 * @property {string} state
 * @property {{seq: number, epoch: string, state: string}} base
 * @property {Ring | null} ring
 * @property {FileName} epochs
 * @property {string | null} prev
 * @property {FileName} [kill]
 * @property {{seq: number, reason: string}} [frozen]
 * @property {{ts: number, see: string}} [sunset]
 */

export const HEAD_KEY = 'v1/head';
export const MAX_HEAD_BYTES = 1 << 20;
const MAX_INLINE_BYTES = 4096;
/** Features that this client knows, of those that a head may require. @type {string[]} */
const KNOWN_FEATURES = [];

const FIELDS = {
  v: is.exactly(1),
  gen: is.integer(1),
  log: is.text(/^[0-9a-f]{32}$/),
  seq: is.integer(1),
  epoch: is.DAY,
  ts: is.MS,
  exp: is.MS,
  next: is.MS,
  spread: is.MS,
  n: is.ROWS,
  state: is.HASH,
  base: is.object({ seq: is.integer(1), epoch: is.DAY, state: is.HASH }),
  ring: is.orNull(is.object({ file: is.H16, block: is.HASH, sizes: is.array(is.integer(0)) })),
  epochs: is.FILE,
  m: is.FILE,
  prev: is.orNull(is.HASH),
  through_position: is.integer(0),
  kill: is.optional(is.FILE),
  frozen: is.optional(is.object({ seq: is.integer(1), reason: is.TEXT })),
  note: is.optional(is.TEXT),
  sunset: is.optional(is.object({ ts: is.MS, see: is.TEXT })),
};

/** @param {number[]} sizes */
export const sum = (sizes) => sizes.reduce((total, size) => total + size, 0);

/**
 * What fields must be to one another.
 * @param {HeadPayload} head
 * @returns {string | null} what is wrong
 */
function contradiction({ seq, epoch, ts, exp, base, ring, prev }) {
  if (epoch !== new Date(ts).toISOString().slice(0, 10)) return 'epoch is not the day of ts';
  if (exp <= ts) return 'exp is not after ts';
  if ((prev === null) !== (seq === 1)) return 'prev does not go with seq';
  if (seq === 1 ? base.seq !== 1 : base.seq >= seq) return 'base.seq does not go with seq';
  if (seq === 1 ? base.epoch !== epoch : base.epoch > epoch) return 'base.epoch does not go with epoch';
  if (ring && ring.sizes.length !== seq - base.seq) return 'ring.sizes does not have one entry a tick';
  if (ring && !(sum(ring.sizes) > 0 && Number.isSafeInteger(sum(ring.sizes)))) return 'ring.sizes are no sizes of a file';
  return null;
}

/** A head whose fields are in order; whether it is signed, its reader has to see. */
export class Head {
  /**
   * @param {import('./signed.js').SignedText} signed
   * @param {string} content its first two lines
   * @param {string} hash of its payload
   */
  constructor(signed, content, hash) {
    this.signed = signed;
    this.content = content;
    this.hash = hash;
    /** @type {HeadPayload} */
    this.payload = signed.payload;
  }

  /**
   * @param {Bytes} bytes
   * @param {string} where for messages
   */
  static async read(bytes, where) {
    const signed = readSigned(bytes, where);
    const { v, req } = signed.payload;
    if (v !== 1) throw new RealTubeError('format', `${where}: v is wrong`);
    if (!is.array(is.TEXT)(req)) throw new RealTubeError('format', `${where}: req is wrong`);
    const unknown = req.filter((/** @type {string} */ feature) => !KNOWN_FEATURES.includes(feature));
    if (unknown.length) throw new RealTubeError('req', `${where}: needs what this client does not know: ${unknown}`);
    const wrong = is.wrongField(signed.payload, FIELDS);
    const problem = wrong ? `${wrong} is wrong` : contradiction(signed.payload);
    if (problem) throw new RealTubeError('format', `${where}: ${problem}`);
    const attached = signed.attachments.reduce((total, line) => total + line.length + 1, 0);
    const content = decodeText(bytes.subarray(0, bytes.length - attached));
    return new Head(signed, content, await sha256(signed.payloadBytes));
  }

  /** Where the ring is; the head must have one. */
  get ringKey() {
    const { epoch, seq, ring } = this.payload;
    const { sizes, file } = /** @type {Ring} */ (ring);
    return `v1/e/${epoch}/ring-${seq - sizes.findIndex((size) => size > 0)}-${file}.bin`;
  }

  /**
   * How many bytes at the beginning of the ring hold what happened after tick `seq`.
   * @param {number} seq
   */
  bytesSince(seq) {
    return this.payload.ring ? sum(this.payload.ring.sizes.slice(0, this.payload.seq - seq)) : 0;
  }

  /**
   * The newest block, when the head brings it along and the last `wanted` bytes of news are all in it.
   * @param {number} wanted
   * @returns {Promise<Bytes | null>}
   */
  async inlineBlock(wanted) {
    const { ring } = this.payload;
    const line = this.signed.attachments[0];
    if (!ring || wanted !== ring.sizes[0] || wanted > MAX_INLINE_BYTES || !line || line.length > 2 * MAX_INLINE_BYTES) return null;
    const block = fromBase64(String.fromCharCode(...line));
    return block && block.length === wanted && (await sha256(block)) === ring.block ? block : null;
  }
}
