/** When to ask again. */

const MINUTE = 60_000;
const DAY = 86_400_000;

/**
 * After a success: at `next` plus a random part of `spread`, but not within a minute. Never later than in a day, so
 * that no mistake in a head silences a client for good.
 * @param {{next: number, spread: number}} head
 * @param {number} now
 * @param {() => number} random from 0 to 1
 */
export function pollAfterSuccess({ next, spread }, now, random) {
  return Math.floor(Math.min(Math.max(next, now + MINUTE) + random() * spread, now + DAY));
}

/**
 * After failures in a row: longer each time, up to a day.
 * @param {number} failures at least 1
 * @param {number} now
 * @param {() => number} random from 0 to 1
 */
export function pollAfterFailure(failures, now, random) {
  return Math.floor(now + Math.min(2 ** (failures - 1) * 15 * MINUTE * (1 + random()), DAY));
}
