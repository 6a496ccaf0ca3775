/** Rows as they are hashed: also the way from yesterday's rows to today's base. */

import { encodeText } from './bytes.js';

/** @typedef {import('./base.js').Base} Base */

const TITLE = encodeText('realtube/state/1\n');

/** Takes rows in order, first `integers` ones with integer ids, then those with `others` as ids. */
export class CanonicalRows {
  /**
   * @param {number} integers
   * @param {string[]} others
   */
  constructor(integers, others) {
    this.integers = integers;
    this.others = others;
    const idBytes = others.reduce((total, id) => total + id.length, 0);
    this.bytes = new Uint8Array(TITLE.length + 16 + 10 * integers + 3 * others.length + idBytes);
    this.view = new DataView(this.bytes.buffer);
    this.bytes.set(TITLE);
    this.view.setUint32(TITLE.length + 4, integers);
    this.at = TITLE.length + 8;
    this.otherAt = this.at + 10 * integers + 8;
    this.view.setUint32(this.otherAt - 4, others.length);
  }

  /**
   * @param {number} hi
   * @param {number} lo
   * @param {number} score
   * @param {number} flags
   */
  addInteger(hi, lo, score, flags) {
    this.view.setUint32(this.at, hi);
    this.view.setUint32(this.at + 4, lo);
    this.bytes[this.at + 8] = score;
    this.bytes[this.at + 9] = flags;
    this.at += 10;
  }

  /**
   * @param {string} id
   * @param {number} score
   * @param {number} flags
   */
  addOther(id, score, flags) {
    this.bytes[this.otherAt] = id.length;
    this.bytes.set(encodeText(id), this.otherAt + 1);
    this.otherAt += id.length + 3;
    this.bytes[this.otherAt - 2] = score;
    this.bytes[this.otherAt - 1] = flags;
  }

  /**
   * Numbers the rows anew.
   * @param {{epoch: string, seq: number, state: string}} of
   * @returns {Base}
   */
  toBase(of) {
    const { integers, others, view, bytes } = this;
    const n = integers + others.length;
    const hi = new Uint32Array(integers);
    const lo = new Uint32Array(integers);
    const scores = new Uint8Array(n);
    const flags = new Uint8Array(n);
    let at = TITLE.length + 8;
    for (let row = 0; row < integers; row++, at += 10) {
      hi[row] = view.getUint32(at);
      lo[row] = view.getUint32(at + 4);
      scores[row] = bytes[at + 8];
      flags[row] = bytes[at + 9];
    }
    at += 8;
    for (let row = integers; row < n; row++) {
      at += others[row - integers].length + 3;
      scores[row] = bytes[at - 2];
      flags[row] = bytes[at - 1];
    }
    return { ...of, hi, lo, others, scores, flags };
  }
}
