/** Inflating with a limit: nothing inflates to more than it may. */

import { damaged, RealTubeError } from './errors.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */

/** A slice of this size inflates to at most 16 MiB, so that no more than that waits unread. */
const SLICE_BYTES = 16384;

/** @param {Bytes} packed */
function slices(packed) {
  let at = 0;
  return new ReadableStream(
    {
      pull(controller) {
        controller.enqueue(packed.subarray(at, (at += SLICE_BYTES)));
        if (at >= packed.length) controller.close();
      },
    },
    { highWaterMark: 0 },
  );
}

/** @param {'deflate-raw' | 'gzip'} format */
function decompressor(format) {
  try {
    return new DecompressionStream(format);
  } catch (cause) {
    throw new RealTubeError('unsupported', `this browser does not inflate ${format}`, { cause });
  }
}

/**
 * Inflates at most `limit` bytes; a stream that holds more, ends too early or goes on too long throws `damaged`.
 * @param {'deflate-raw' | 'gzip'} format
 * @param {Bytes} packed
 * @param {number} limit
 * @param {string} where for messages
 * @returns {Promise<Bytes>}
 */
export async function inflate(format, packed, limit, where) {
  const inflated = new Uint8Array(limit);
  let length = 0;
  const reader = slices(packed).pipeThrough(decompressor(format)).getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      inflated.set(part.value, length);
      length += part.value.length;
    }
  } catch (cause) {
    await reader.cancel().catch(() => {});
    throw damaged(where, `does not inflate to at most ${limit} bytes`, cause);
  }
  return inflated.subarray(0, length);
}

/**
 * Reads a column: raw deflate of exactly so many bytes.
 * @param {Bytes} packed
 * @param {number} size
 * @param {string} where for messages
 */
export async function readColumn(packed, size, where) {
  const column = await inflate('deflate-raw', packed, size, where);
  if (column.length !== size) throw damaged(where, `has ${column.length} of ${size} bytes`);
  return column;
}
