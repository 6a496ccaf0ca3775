/** The base: a complete set of rows, 10 bytes a row, in typed arrays. */

import { Reader } from './bytes.js';
import { damaged } from './errors.js';
import { integerOf, readOtherIds } from './ids.js';
import { readAscending } from './ascending.js';
import { readColumn } from './inflate.js';
import { array, DAY, exactly, HASH, integer, object, parseJson, ROWS } from './shape.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */

/**
 * Rows 0, 1, 2, … in order: those with integer ids, then the others. Never changed once made.
 * @typedef {object} Base
 * @property {string} epoch the one that counts from it
 * @property {number} seq the tick whose rows it holds
 * @property {string} state their hash
 * @property {Uint32Array} hi the integer ids' high halves
 * @property {Uint32Array} lo the integer ids' low halves
 * @property {string[]} others the other ids
 * @property {Uint8Array} scores of all rows
 * @property {Uint8Array} flags of all rows
 */

const MAX_HEADER_BYTES = 4096;

const isHeader = object({
  v: exactly(1),
  epoch: DAY,
  seq: integer(1),
  n: ROWS,
  others: ROWS,
  state: HASH,
  sections: (value) => array(integer(0), 4)(value) && value.length === 4,
});

/**
 * Puts the two parts of a packed base together; their hashes are checked already, the rows' hash is not.
 * The second part becomes the base's `lo` as it is: every machine that runs browsers stores integers as the file does.
 * @param {Bytes} part1
 * @param {Bytes} part2 must begin its buffer
 * @param {{epoch: string, seq: number, n: number, state: string}} expected
 * @returns {Promise<Base>}
 */
export async function readBase(part1, part2, expected) {
  const where = `base of ${expected.epoch}`;
  const end = part1.subarray(0, MAX_HEADER_BYTES).indexOf(10);
  /** @type {any} */
  const header = parseJson(part1.subarray(0, Math.max(end, 0)));
  if (!isHeader(header)) throw damaged(where, 'does not begin as it must');
  const { epoch, seq, n, others: otherCount, state, sections } = header;
  if (epoch !== expected.epoch || seq !== expected.seq || n !== expected.n || state !== expected.state) {
    throw damaged(where, 'is of another tick');
  }
  const integers = n - otherCount;
  if (part2.length !== 4 * integers) throw damaged(where, `has ${part2.length} bytes of low halves for ${integers} ids`);

  const reader = new Reader(part1.subarray(end + 1), where);
  const [top, packedScores, packedFlags, ids] = sections.map((/** @type {number} */ size) => new Reader(reader.take(size), where));
  reader.end();
  const hi = readAscending(top, integers);
  top.end();
  const others = readOtherIds(ids, otherCount);
  ids.end();
  const scores = await readColumn(packedScores.bytes, n, where);
  const flags = await readColumn(packedFlags.bytes, n, where);
  const lo = new Uint32Array(part2.buffer, part2.byteOffset, integers);
  return { epoch, seq, state, hi, lo, others, scores, flags };
}

/**
 * Whether a stored value has the form of a base.
 * @param {any} value
 * @returns {value is Base}
 */
export function isBase(value) {
  if (!object({ epoch: DAY, seq: integer(1), state: HASH, others: Array.isArray })(value)) return false;
  const { hi, lo, others, scores, flags } = value;
  if (!(hi instanceof Uint32Array && lo instanceof Uint32Array && hi.length === lo.length)) return false;
  return [scores, flags].every((column) => column instanceof Uint8Array && column.length === hi.length + others.length);
}

/**
 * Where a base has an id.
 * @param {Base} base
 * @param {string} id
 * @returns {number} its row number; -1 when it is not there
 */
export function rowNumber({ hi, lo, others }, id) {
  const key = integerOf(id);
  let low = 0;
  let high = key ? hi.length : others.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    const before = key ? hi[middle] < key.hi || (hi[middle] === key.hi && lo[middle] < key.lo) : others[middle] < id;
    if (before) low = middle + 1;
    else high = middle;
  }
  if (key) return low < hi.length && hi[low] === key.hi && lo[low] === key.lo ? low : -1;
  return others[low] === id ? hi.length + low : -1;
}
