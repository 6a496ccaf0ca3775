/** The figures of the last sync, in words. */

const numbers = new Intl.NumberFormat();
const UNITS = [['day', 86_400_000], ['hour', 3_600_000], ['minute', 60_000], ['second', 1000]];

/** @param {number} ms away from now, in the past below 0 */
function away(ms) {
  const [unit, size] = UNITS.find(([, size]) => Math.abs(ms) >= size) ?? UNITS[3];
  return new Intl.RelativeTimeFormat(undefined, { numeric: 'auto' }).format(Math.round(ms / size), unit);
}

const when = (ms) => new Date(ms).toLocaleString(undefined, { dateStyle: 'medium', timeStyle: 'short' });

/**
 * @param {any} state as the worker tells it
 * @param {number} now
 * @returns {[string, string][]} names and values
 */
export function figuresOf({ status, lastSync, votes }, now) {
  /** @type {[string, string][]} */
  const figures = [];
  if (status && status.seq !== null) {
    figures.push(['Tick', `${numbers.format(status.seq)} of ${status.epoch}`], ['Age', away(status.ts - now)]);
    figures.push(['Videos', numbers.format(status.rows ?? 0)]);
    if (status.hidden) figures.push(['Withheld', numbers.format(status.hidden)]);
  }
  const report = lastSync?.report;
  if (report) {
    figures.push(['Read', `${numbers.format(report.bytes)} bytes`], ['Requests', numbers.format(report.requests)], ['How', report.how]);
  }
  if (lastSync) figures.push(['Last sync', away(lastSync.at - now)]);
  if (status?.nextPollMs) figures.push(['Next sync', status.nextPollMs > now ? away(status.nextPollMs - now) : 'when you watch']);
  figures.push(['Your votes', `${numbers.format(votes.sent)} sent, ${numbers.format(votes.waiting)} waiting`]);
  return figures;
}

/**
 * What the user should know.
 * @param {any} state as the worker tells it
 * @returns {string[]}
 */
export function notesOf({ status, lastSync, votes }) {
  const notes = [];
  if (lastSync?.failure) notes.push(`The last sync failed (${lastSync.failure.code}): ${lastSync.failure.message}`);
  if (status?.stale) notes.push(`Nothing newer than ${when(status.ts)} is there: marks are shown as old.`);
  if (status?.frozen) notes.push(`The publisher keeps the rows of tick ${status.frozen.seq}: ${status.frozen.reason}`);
  if (status?.sunset) notes.push(`This tree ends ${when(status.sunset.ts)}; see ${status.sunset.see}`);
  notes.push(...(lastSync?.report?.warnings ?? []));
  for (const { id, why } of votes.refused) notes.push(`Your vote on ${id} was not accepted: ${why}`);
  return notes;
}
