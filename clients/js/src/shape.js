/** Checks of what JSON holds, before anything is made of it. */

import { decodeText } from './bytes.js';

/** @typedef {(value: any) => boolean} Check */

/**
 * @param {number} least
 * @param {number} [most]
 * @returns {Check}
 */
export const integer = (least, most = Number.MAX_SAFE_INTEGER) => (value) =>
  Number.isSafeInteger(value) && value >= least && value <= most;

/**
 * @param {RegExp} pattern
 * @returns {Check}
 */
export const text = (pattern) => (value) => typeof value === 'string' && pattern.test(value);

/**
 * @param {Check} each
 * @param {number} [most]
 * @returns {Check}
 */
export const array = (each, most = Infinity) => (value) =>
  Array.isArray(value) && value.length <= most && value.every(each);

/**
 * @param {Check} check
 * @returns {Check}
 */
export const orNull = (check) => (value) => value === null || check(value);

/**
 * @param {Check} check
 * @returns {Check}
 */
export const optional = (check) => (value) => value === undefined || check(value);

/**
 * The first field of an object that is not as it must be.
 * @param {any} value
 * @param {Record<string, Check>} fields
 * @returns {string | null} null when all are; unknown fields do not matter
 */
export function wrongField(value, fields) {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'the object itself';
  return Object.keys(fields).find((name) => !fields[name](value[name])) ?? null;
}

/**
 * @param {Record<string, Check>} fields
 * @returns {Check}
 */
export const object = (fields) => (value) => wrongField(value, fields) === null;

export const HASH = text(/^[0-9a-f]{64}$/);
export const H16 = text(/^[0-9a-f]{16}$/);
export const DAY = text(/^\d{4}-\d{2}-\d{2}$/);
/** Up to the end of the year 9999. */
export const MS = integer(0, 253_402_300_799_999);
export const ROWS = integer(0, 2 ** 28);
export const TEXT = text(/^/);
/** A file named by its hash and size. */
export const FILE = object({ file: HASH, bytes: integer(0) });

/** @param {1} version */
export const exactly = (version) => (/** @type {unknown} */ value) => value === version;

/**
 * Parses JSON in UTF-8.
 * @param {import('./bytes.js').Bytes} bytes
 * @returns {unknown} undefined when it is none
 */
export function parseJson(bytes) {
  try {
    return JSON.parse(decodeText(bytes));
  } catch {
    return undefined;
  }
}
