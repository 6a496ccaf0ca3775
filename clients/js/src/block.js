/** Packed blocks: what one tick changed, or one roll. */

import { Reader, sha256, toHex } from './bytes.js';
import { damaged } from './errors.js';
import { idOf, readOtherIds } from './ids.js';
import { readAscending, readDistinct } from './ascending.js';
import { readColumn } from './inflate.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./head.js').Head} Head */

/**
 * @typedef {object} Block
 * @property {string} next hash of the following block
 * @property {number} seq
 * @property {number} first row number of the first added id
 * @property {string[]} added ids
 * @property {Uint32Array} rows numbers of rows that it sets
 * @property {Uint8Array} scores of these
 * @property {Uint8Array} flags of these
 * @property {Uint32Array} removed numbers of rows that it removes
 */

/** The *next* of a last block. */
export const NO_BLOCK = '0'.repeat(64);

/**
 * Reads integer ids from the two parts that they are packed in.
 * @param {Reader} reader
 * @param {number} count
 */
function readIntegerIds(reader, count) {
  const top = readAscending(reader, count);
  const low = reader.take(4 * count);
  const lows = new DataView(low.buffer, low.byteOffset, low.length);
  return Array.from(top, (hi, place) => {
    const lo = lows.getUint32(4 * place, true);
    if (place && hi === top[place - 1] && lo <= lows.getUint32(4 * place - 4, true)) {
      throw damaged(reader.where, 'has ids out of order');
    }
    return idOf(hi, lo);
  });
}

/**
 * @param {Uint32Array} left ascending
 * @param {Uint32Array} right ascending
 */
function meet(left, right) {
  for (let l = 0, r = 0; l < left.length && r < right.length; left[l] < right[r] ? l++ : r++) {
    if (left[l] === right[r]) return true;
  }
  return false;
}

/**
 * Reads a block; its hash is checked already.
 * @param {Bytes} bytes
 * @param {string} where for messages
 * @returns {Promise<Block>}
 */
export async function readBlock(bytes, where) {
  const reader = new Reader(bytes, where);
  const next = toHex(reader.take(32));
  const seq = reader.varint();
  const first = reader.varint();
  const counts = [reader.varint(), reader.varint(), reader.varint(), reader.varint()];
  if (counts.every((count) => count === 0)) throw damaged(where, 'is empty');
  // Each integer takes a bit of its list and each id a byte, so no count can ask for more than a file can hold.
  if (counts.some((count) => count > 8 * bytes.length)) throw damaged(where, 'counts more than it holds');
  const [integers, others, set, gone] = counts;
  const added = [...readIntegerIds(reader, integers), ...readOtherIds(reader, others)];
  const rows = readDistinct(reader, set);
  const removed = readDistinct(reader, gone);
  const column = async () => readColumn(reader.take(reader.varint()), set, where);
  const scores = set ? await column() : new Uint8Array(0);
  const flags = set ? await column() : new Uint8Array(0);
  reader.end();
  if (meet(rows, removed)) throw damaged(where, 'sets and removes the same row');
  if (scores.some((score) => score > 100)) throw damaged(where, 'has a score above 100');
  return { next, seq, first, added, rows, scores, flags, removed };
}

/**
 * Reads the first blocks of a head's ring.
 * @param {Bytes} prefix
 * @param {Head} head
 * @param {number} since the tick after which they begin
 * @returns {Promise<Block[]>} the oldest first
 */
export async function readRing(prefix, head, since) {
  const { seq, ring } = head.payload;
  const reader = new Reader(prefix, head.ringKey);
  let expected = ring?.block ?? NO_BLOCK;
  /** @type {Block[]} */
  const blocks = [];
  const sizes = ring?.sizes ?? [];
  for (let place = 0; place < seq - since; place++) {
    if (sizes[place] === 0) continue;
    const where = `block ${seq - place}`;
    const bytes = reader.take(sizes[place]);
    if ((await sha256(bytes)) !== expected) throw damaged(where, 'has another hash than promised');
    const block = await readBlock(bytes, where);
    if (block.seq !== seq - place) throw damaged(where, `says that it is ${block.seq}`);
    expected = block.next;
    blocks.unshift(block);
  }
  reader.end();
  if (seq - since === sizes.length && expected !== NO_BLOCK) throw damaged(reader.where, 'goes on after its last block');
  return blocks;
}
