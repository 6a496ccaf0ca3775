/** The origins that deliver a tree, over HTTP: with limits, and counted. */

import { sha256 } from './bytes.js';
import { damaged, RealTubeError } from './errors.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */

/**
 * How much to read of a file: at most, or exactly, so many bytes; when `of` is more, the first ones of that many.
 * @typedef {{bytes: number, exact?: boolean, of?: number}} Extent
 */

const LEAST_TIMEOUT_MS = 60_000;
/** Whoever sends less than this is given up on. */
const SLOWEST_BYTES_PER_MS = 16;

/**
 * @param {Response} response
 * @param {string} url
 * @param {Extent} extent
 */
async function readBody(response, url, { bytes, exact = false, of = bytes }) {
  const partly = of > bytes;
  let body;
  try {
    body = new Uint8Array(bytes);
  } catch (cause) {
    throw new RealTubeError('size', `${url} has ${bytes} bytes, too many to hold`, { cause });
  }
  let length = 0;
  const reader = response.body?.getReader();
  while (reader) {
    const part = await reader.read();
    if (part.done) break;
    const fitting = part.value.subarray(0, bytes - length);
    body.set(fitting, length);
    length += fitting.length;
    const more = fitting.length < part.value.length;
    if (more || (partly && length === bytes)) await reader.cancel();
    if (more && !partly) throw new RealTubeError('size', `${url} has more than ${bytes} bytes`);
    if (partly && length === bytes) break;
  }
  if (exact && length < bytes) throw damaged(url, `has ${length} of ${bytes} bytes`);
  return body.subarray(0, length);
}

/**
 * Checks an address.
 * @param {unknown} origin
 */
function asOrigin(origin) {
  const url = typeof origin === 'string' && URL.canParse(origin) ? new URL(origin) : null;
  if (!url || !/^https?:$/.test(url.protocol) || url.search || url.hash || url.username || url.password) {
    throw new TypeError(`an origin is an http address without a query, not ${String(origin)}`);
  }
  return url.href.replace(/\/*$/, '');
}

export class Origins {
  /**
   * @param {string[]} origins addresses of the folders that hold `v1/`, the preferred one first
   * @param {typeof globalThis.fetch} fetch
   */
  constructor(origins, fetch) {
    if (!Array.isArray(origins) || origins.length === 0) throw new TypeError('origins is an array of addresses');
    this.urls = [...new Set(origins.map(asOrigin))];
    this.fetch = fetch;
    this.requests = 0;
    this.bytes = 0;
  }

  /**
   * The same origins with their own counts, one of them first.
   * @param {string} [first]
   */
  begin(first) {
    const copy = new Origins(this.urls, this.fetch);
    if (first !== undefined) copy.prefer(first);
    return copy;
  }

  /** @param {string} url */
  prefer(url) {
    this.urls = [url, ...this.urls.filter((other) => other !== url)];
  }

  /**
   * Reads a file from one origin.
   * @param {string} origin
   * @param {string} key
   * @param {Extent} extent
   * @param {RequestCache} cache
   * @returns {Promise<Bytes>}
   */
  async get(origin, key, extent, cache) {
    const url = `${origin}/${key}`;
    const { bytes, of = bytes } = extent;
    const timeout = LEAST_TIMEOUT_MS + bytes / SLOWEST_BYTES_PER_MS;
    this.requests++;
    try {
      const response = await this.fetch(url, {
        cache,
        credentials: 'omit',
        referrerPolicy: 'no-referrer',
        signal: AbortSignal.timeout(timeout),
        headers: of > bytes ? { Range: `bytes=0-${bytes - 1}` } : {},
      });
      if (!response.ok) {
        await response.body?.cancel();
        const gone = response.status === 404 || response.status === 410;
        throw new RealTubeError(gone ? 'missing' : 'network', `${url}: HTTP ${response.status}`);
      }
      const body = await readBody(response, url, extent);
      this.bytes += body.length;
      return body;
    } catch (cause) {
      if (cause instanceof RealTubeError) throw cause;
      throw new RealTubeError('network', `${url}: ${cause instanceof Error ? cause.message : cause}`, { cause });
    }
  }

  /**
   * Reads a file that never changes: from each origin, as caches have it and then past them, until one is accepted.
   * @template T
   * @param {string} key
   * @param {Extent} extent
   * @param {(body: Bytes) => T | Promise<T>} accept makes something of it, or throws
   * @returns {Promise<T>}
   */
  async read(key, extent, accept) {
    let failure;
    for (const origin of this.urls) {
      for (const cache of /** @type {const} */ (['default', 'reload'])) {
        try {
          return await accept(await this.get(origin, key, extent, cache));
        } catch (error) {
          if (!(error instanceof RealTubeError) || error.code === 'unsupported') throw error;
          failure = error;
        }
      }
    }
    throw failure;
  }

  /**
   * Reads a file whose size and hash are known.
   * @template T
   * @param {string} key
   * @param {{file: string, bytes: number}} expected
   * @param {(body: Bytes) => T | Promise<T>} make
   */
  async readFile(key, { file, bytes }, make) {
    return this.read(key, { bytes, exact: true }, async (body) => {
      if ((await sha256(body)) !== file) throw damaged(key, 'has another hash than promised');
      return make(body);
    });
  }
}
