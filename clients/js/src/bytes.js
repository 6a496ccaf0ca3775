/** Bytes: hashes, base64, and a reader for packed files. */

import { damaged } from './errors.js';

/** @typedef {Uint8Array<ArrayBuffer>} Bytes */

const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/**
 * @param {string} text
 * @returns {Bytes}
 */
export const encodeText = (text) => encoder.encode(text);

/**
 * @param {Bytes} bytes
 * @throws {TypeError} when they are not UTF-8
 */
export const decodeText = (bytes) => decoder.decode(bytes);

/** @param {Bytes} bytes */
export const toHex = (bytes) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');

/** @param {Bytes} bytes */
export const sha256 = async (bytes) => toHex(new Uint8Array(await crypto.subtle.digest('SHA-256', bytes)));

/**
 * Reads standard base64 with padding.
 * @param {string} text
 * @returns {Bytes | null} null when it is something else
 */
export function fromBase64(text) {
  try {
    const binary = atob(text);
    return btoa(binary) === text ? Uint8Array.from(binary, (character) => character.charCodeAt(0)) : null;
  } catch {
    return null;
  }
}

/** Takes a packed file apart from its beginning; what is not as it must be throws `damaged`. */
export class Reader {
  /**
   * @param {Bytes} bytes
   * @param {string} where for messages
   */
  constructor(bytes, where) {
    this.bytes = bytes;
    this.where = where;
    this.at = 0;
  }

  /**
   * A view of the next bytes.
   * @param {number} length
   * @returns {Bytes}
   */
  take(length) {
    if (length > this.bytes.length - this.at) throw damaged(this.where, 'ends too early');
    this.at += length;
    return this.bytes.subarray(this.at - length, this.at);
  }

  byte() {
    return this.take(1)[0];
  }

  /** An unsigned LEB128 integer: at most 8 bytes, below 2^53. */
  varint() {
    let value = 0;
    for (let place = 0; place < 8; place++) {
      const byte = this.byte();
      value += (byte & 127) * 2 ** (7 * place);
      if (byte < 128) {
        if (!Number.isSafeInteger(value)) break;
        return value;
      }
    }
    throw damaged(this.where, 'has an integer of 2^53 or more');
  }

  /** Nothing may follow. */
  end() {
    if (this.at !== this.bytes.length) throw damaged(this.where, `has ${this.bytes.length - this.at} bytes too many`);
  }
}
