/** The rows of one tick: the epoch's base, and over it what the epoch changed so far. */

import { rowNumber } from './base.js';
import { sha256 } from './bytes.js';
import { CanonicalRows } from './canonical.js';
import { damaged } from './errors.js';
import { integerOf } from './ids.js';

/** @typedef {import('./base.js').Base} Base */
/** @typedef {import('./block.js').Block} Block */

/**
 * An overlay as it is stored.
 * @typedef {{added: string[], numbers: Uint32Array, values: Uint16Array}} StoredOverlay
 */

/** A row's value is its score plus 256 times its flags; this one says that the row was removed. */
const REMOVED = 0xffff;

/** Never changed once made. */
export class Rows {
  /**
   * @param {Base} base
   * @param {string[]} added ids; their row numbers follow the base's
   * @param {Map<number, number>} values by row number, of rows that are not as in the base
   * @param {string | null} [state] the rows' hash, when it is known
   */
  constructor(base, added = [], values = new Map(), state = null) {
    this.base = base;
    this.added = added;
    this.values = values;
    this.state = state;
    /** @type {Map<string, number>} */
    this.numbers = new Map(added.map((id, place) => [id, base.scores.length + place]));
    let removed = 0;
    for (const value of values.values()) if (value === REMOVED) removed++;
    /** How many rows there are. */
    this.n = base.scores.length + added.length - removed;
  }

  /**
   * A base without changes; its hash was checked before.
   * @param {Base} base
   */
  static of(base) {
    return new Rows(base, [], new Map(), base.state);
  }

  /**
   * The value of a row.
   * @param {string} id
   * @returns {number | null} null without a row
   */
  find(id) {
    const { base } = this;
    // What a roll removes under its old number may stand among the added ids as well: those come first.
    const number = this.numbers.get(id) ?? rowNumber(base, id);
    if (number < 0) return null;
    const value = this.values.get(number) ?? base.scores[number] + 256 * base.flags[number];
    return value === REMOVED ? null : value;
  }

  /**
   * The rows after some blocks.
   * @param {Block[]} blocks the oldest first
   */
  apply(blocks) {
    if (blocks.length === 0) return this;
    const added = [...this.added];
    const values = new Map(this.values);
    const seen = new Set();
    const baseCount = this.base.scores.length;
    for (const block of blocks) {
      const where = `block ${block.seq}`;
      if (block.first !== baseCount + added.length) throw damaged(where, 'does not go on from the rows held');
      for (const id of block.added) added.push(id);
      const set = (/** @type {number} */ number, /** @type {number} */ value) => {
        if (number >= baseCount + added.length) throw damaged(where, `names row ${number}, which there is not`);
        if (seen.has(number)) throw damaged(where, `names row ${number}, as another block does`);
        seen.add(number);
        values.set(number, value);
      };
      block.rows.forEach((number, place) => set(number, block.scores[place] + 256 * block.flags[place]));
      block.removed.forEach((number) => set(number, REMOVED));
    }
    const rows = new Rows(this.base, added, values);
    if (rows.numbers.size !== added.length) throw damaged('ring', 'adds an id twice');
    for (let place = 0; place < added.length; place++) {
      if (!values.has(baseCount + place)) throw damaged('ring', `adds ${added[place]} without a value`);
    }
    return rows;
  }

  /** The rows that are alive, in order, as they are hashed. */
  canonical() {
    const { base, values } = this;
    const { hi, lo, scores, flags } = base;
    const arrived = [];
    const others = [];
    for (const [id, number] of [...this.numbers, ...base.others.map((id, place) => /** @type {const} */ ([id, hi.length + place]))]) {
      const value = values.get(number) ?? scores[number] + 256 * flags[number];
      const key = integerOf(id);
      if (value === REMOVED) continue;
      if (key) arrived.push({ ...key, value });
      else others.push({ id, value });
    }
    arrived.sort((one, two) => one.hi - two.hi || one.lo - two.lo);
    others.sort((one, two) => (one.id < two.id ? -1 : 1));

    const changed = Uint32Array.from(values.keys()).filter((number) => number < hi.length).sort();
    let gone = 0;
    for (const number of changed) if (values.get(number) === REMOVED) gone++;
    const rows = new CanonicalRows(hi.length - gone + arrived.length, others.map(({ id }) => id));
    let next = 0;
    let place = 0;
    for (let row = 0; row < hi.length; row++) {
      for (; place < arrived.length; place++) {
        const { hi: high, lo: low, value } = arrived[place];
        if (high > hi[row] || (high === hi[row] && low > lo[row])) break;
        rows.addInteger(high, low, value & 255, value >> 8);
      }
      if (next < changed.length && changed[next] === row) {
        const value = /** @type {number} */ (values.get(row));
        next++;
        if (value !== REMOVED) rows.addInteger(hi[row], lo[row], value & 255, value >> 8);
      } else {
        rows.addInteger(hi[row], lo[row], scores[row], flags[row]);
      }
    }
    for (const { hi: high, lo: low, value } of arrived.slice(place)) rows.addInteger(high, low, value & 255, value >> 8);
    for (const { id, value } of others) rows.addOther(id, value & 255, value >> 8);
    return rows;
  }

  /**
   * Checks that these are the rows that a hash is of.
   * @param {string} state
   * @param {number} n
   */
  async check(state, n) {
    this.state ??= await sha256(this.canonical().bytes);
    if (this.state !== state || this.n !== n) throw damaged('rows', `are ${this.n} with the hash ${this.state}, not ${n} with ${state}`);
  }

  /**
   * Drops what was removed, sorts, and numbers anew: the base of another epoch.
   * @param {{epoch: string, seq: number, state: string}} of
   * @throws {import('./errors.js').RealTubeError} when the rows are not those
   */
  async settle(of) {
    const canonical = this.canonical();
    const state = await sha256(canonical.bytes);
    if (state !== of.state) throw damaged(`base of ${of.epoch}`, `the rows have the hash ${state}, not ${of.state}`);
    return Rows.of(canonical.toBase(of));
  }

  /** @returns {StoredOverlay} */
  overlay() {
    return { added: this.added, numbers: Uint32Array.from(this.values.keys()), values: Uint16Array.from(this.values.values()) };
  }

  /**
   * Rows as they were stored.
   * @param {Base} base
   * @param {StoredOverlay} overlay
   * @param {string} state
   */
  static restore(base, { added, numbers, values }, state) {
    return new Rows(base, added, new Map(Array.from(numbers, (number, place) => [number, values[place]])), state);
  }
}
