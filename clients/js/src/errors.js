/** The one kind of error that this client throws on purpose. */

/**
 * What went wrong:
 * `format`, `req`, `signature`, `size`: a head or root that cannot be used, or a body longer than it may be;
 * `refused-log`, `refused-gen`, `rollback`, `equivocation`: a head that the one held rules out;
 * `damaged`, `missing`, `network`: a file that no origin delivers as the head promises it;
 * `unsupported`: this browser lacks Ed25519 or `deflate-raw`; `storage`: the store failed.
 * @typedef {'format' | 'req' | 'signature' | 'size' | 'refused-log' | 'refused-gen' | 'rollback' | 'equivocation'
 *   | 'damaged' | 'missing' | 'network' | 'unsupported' | 'storage'} ErrorCode
 */

/**
 * Two signed heads that cannot both be honest, as text.
 * @typedef {{held: string, seen: string}} Evidence
 */

export class RealTubeError extends Error {
  /**
   * @param {ErrorCode} code
   * @param {string} message
   * @param {{cause?: unknown, evidence?: Evidence}} [more]
   */
  constructor(code, message, { cause, evidence } = {}) {
    super(message, cause === undefined ? undefined : { cause });
    this.name = 'RealTubeError';
    /** @type {ErrorCode} */
    this.code = code;
    /** @type {Evidence | null} */
    this.evidence = evidence ?? null;
    /** When to try again, Unix milliseconds; set by `sync()`. @type {number | null} */
    this.nextPollMs = null;
  }
}

/**
 * @param {string} where
 * @param {string} what
 * @param {unknown} [cause]
 */
export const damaged = (where, what, cause) => new RealTubeError('damaged', `${where}: ${what}`, { cause });
