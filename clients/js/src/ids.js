/** Video ids, and the 64-bit integers that most of them are. */

import { decodeText } from './bytes.js';
import { damaged } from './errors.js';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_';
const SIX_BITS = new Uint8Array(128);
for (let bits = 0; bits < 64; bits++) SIX_BITS[ALPHABET.charCodeAt(bits)] = bits;

/**
 * @param {unknown} id
 * @returns {id is string}
 */
export const isId = (id) => typeof id === 'string' && /^[A-Za-z0-9_-]{1,16}$/.test(id);

/**
 * The high and low half of an integer id's value.
 * @param {string} id
 * @returns {{hi: number, lo: number} | null} null for other ids
 */
export function integerOf(id) {
  if (id.length !== 11) return null;
  const six = Array.from(id, (character) => SIX_BITS[character.charCodeAt(0)]);
  if (six[10] & 3) return null;
  return {
    hi: ((six[0] << 26) | (six[1] << 20) | (six[2] << 14) | (six[3] << 8) | (six[4] << 2) | (six[5] >> 4)) >>> 0,
    lo: ((six[5] << 28) | (six[6] << 22) | (six[7] << 16) | (six[8] << 10) | (six[9] << 4) | (six[10] >> 2)) >>> 0,
  };
}

/**
 * The id that has this value.
 * @param {number} hi
 * @param {number} lo
 */
export function idOf(hi, lo) {
  const six = [hi >>> 26, hi >>> 20, hi >>> 14, hi >>> 8, hi >>> 2, (hi << 4) | (lo >>> 28)];
  six.push(lo >>> 22, lo >>> 16, lo >>> 10, lo >>> 4, lo << 2);
  return six.map((bits) => ALPHABET[bits & 63]).join('');
}

/**
 * Reads ids that are no integers, each as its length and its characters, in order.
 * @param {import('./bytes.js').Reader} reader
 * @param {number} count
 */
export function readOtherIds(reader, count) {
  /** @type {string[]} */
  const ids = [];
  while (ids.length < count) {
    const characters = reader.take(reader.byte());
    const id = characters.every((code) => code < 128) ? decodeText(characters) : '';
    if (!isId(id) || integerOf(id)) throw damaged(reader.where, 'has what is no other id among these');
    if (ids.length && ids[ids.length - 1] >= id) throw damaged(reader.where, `has id ${id} out of order`);
    ids.push(id);
  }
  return ids;
}
