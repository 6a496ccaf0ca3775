/** Ascending lists of integers below 2^32: a Rice code of their differences. */

import { damaged } from './errors.js';

/** By exponent, 0–39. */
const POWERS = Array.from({ length: 40 }, (_, exponent) => 2 ** exponent);

/**
 * Reads `count` ascending integers; repeats are allowed.
 * @param {import('./bytes.js').Reader} reader
 * @param {number} count
 */
export function readAscending(reader, count) {
  if (count === 0) return new Uint32Array(0);
  const k = reader.byte();
  if (k > 31) throw damaged(reader.where, `has a list with k = ${k}`);
  const quotients = reader.take(reader.varint());
  if (count > quotients.length * 8) throw damaged(reader.where, 'has a list that is too short');
  const remainders = reader.take(Math.ceil((count * k) / 8));

  const integers = new Uint32Array(count);
  const step = POWERS[k];
  let found = 0;
  let zeros = 0;
  let sum = 0;
  let held = 0; // the bits of `remainders` read but not used: `bits` of them, at most 38, so a double holds them
  let bits = 0;
  let at = 0;
  for (let place = 0; place < quotients.length; place++) {
    let unread = 8;
    for (let byte = quotients[place] << 24; byte !== 0; ) {
      const lead = Math.clz32(byte);
      byte <<= lead + 1;
      unread -= lead + 1;
      if (found === count) throw damaged(reader.where, 'has a list that is too long');
      while (bits < k) {
        held = held * 256 + remainders[at++];
        bits += 8;
      }
      bits -= k;
      const remainder = Math.floor(held / POWERS[bits]);
      held -= remainder * POWERS[bits];
      sum += (zeros + lead) * step + remainder;
      if (sum > 0xffffffff) throw damaged(reader.where, 'has a list with integers of 2^32 or more');
      integers[found++] = sum;
      zeros = 0;
    }
    zeros += unread;
  }
  if (found !== count) throw damaged(reader.where, 'has a list that is too short');
  if (zeros > 7 || held !== 0) throw damaged(reader.where, 'has a list with padding that is not 0');
  return integers;
}

/**
 * Reads a list in which nothing may stand twice.
 * @param {import('./bytes.js').Reader} reader
 * @param {number} count
 */
export function readDistinct(reader, count) {
  const integers = readAscending(reader, count);
  for (let place = 1; place < count; place++) {
    if (integers[place] === integers[place - 1]) throw damaged(reader.where, `has number ${integers[place]} twice`);
  }
  return integers;
}
