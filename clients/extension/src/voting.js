/** The user's own votes: shown at once, sent when it can be done, each on its own. */

import { voterId } from './voter.js';
import { readSettings } from './settings.js';

const MINUTE_MS = 60_000;
const LONGEST_WAIT_MS = 6 * 60 * MINUTE_MS;
/** A vote that nobody took for so long is given up. */
const GIVEN_UP_MS = 7 * 24 * 60 * MINUTE_MS;
const TIMEOUT_MS = 30_000;
/** Failures in a row after which the intake is left alone for now. */
const ENOUGH_FAILURES = 3;
const ALARM = 'votes';
/** How soon an alarm may ring. */
const SOONEST_MS = 30_000;
/** Of what an intake says. */
const MOST_WORDS = 300;
/** With these an intake says that it will never take the vote. */
const REFUSALS = new Set(['INVALID_BODY', 'INVALID_FIELD', 'INVALID_CATEGORY', 'MISSING_FIELDS', 'FORBIDDEN', 'TOO_LARGE']);

/**
 * @typedef {object} OwnVote
 * @property {string[]} categories none: a retraction
 * @property {string} channelId or nothing
 * @property {number} at Unix milliseconds
 * @property {'waiting' | 'sent' | 'refused'} state
 * @property {number} tries
 * @property {number} notBefore when it may be tried
 * @property {string} why it was refused, or not sent yet
 */

/** @type {Promise<Map<string, OwnVote>> | null} */
let votes = null;
/** @type {Promise<boolean> | null} */
let sending = null;

const load = () => {
  votes ??= chrome.storage.local.get('votes').then(
    (stored) => new Map(Object.entries(stored.votes ?? {})),
    (error) => {
      votes = null;
      throw error;
    },
  );
  return votes;
};
const keep = async () => chrome.storage.local.set({ votes: Object.fromEntries(await load()) });

/**
 * The user's votes on some videos.
 * @param {string[]} ids
 * @returns {Promise<({categories: string[], state: string} | null)[]>}
 */
export async function ownVotes(ids) {
  const known = await load();
  return ids.map((id) => {
    const vote = known.get(id);
    return vote && vote.categories.length ? { categories: vote.categories, state: vote.state } : null;
  });
}

/** How many votes wait, and those that were refused. */
export async function votesByState() {
  const counts = { waiting: 0, sent: 0, refused: [] };
  for (const [id, { state, why }] of await load()) {
    if (state === 'refused') counts.refused.push({ id, why });
    else counts[state]++;
  }
  return counts;
}

/**
 * Takes a vote; a newer one on a video replaces the older one, sent or not.
 * @param {string} id
 * @param {string[]} categories none: takes the vote back
 * @param {string} channelId
 */
export async function castVote(id, categories, channelId) {
  const vote = { categories, channelId, at: Date.now(), state: 'waiting', tries: 0, notBefore: 0, why: '' };
  (await load()).set(id, vote);
  await keep();
}

/** @param {string} intake @param {string} videoId @param {OwnVote} vote */
async function request(intake, videoId, { categories, channelId }) {
  const userId = await voterId();
  const body = categories.length ? { videoId, userId, categories } : { videoId, userId };
  if (categories.length && channelId) body.channelId = channelId;
  return fetch(`${intake}/api/votes`, {
    method: categories.length ? 'POST' : 'DELETE',
    headers: { 'Content-Type': 'application/json' },
    body: JSON.stringify(body),
    credentials: 'omit',
    redirect: 'error',
    referrerPolicy: 'no-referrer',
    signal: AbortSignal.timeout(TIMEOUT_MS),
  });
}

/** In how many milliseconds a server wants to be asked again; null when it does not say. @param {Response} answer */
function askedToWait(answer) {
  const seconds = Number(answer.headers.get('Retry-After') ?? NaN);
  return Number.isFinite(seconds) ? Math.min(Math.max(seconds, 1), 3600) * 1000 : null;
}

/** Later each time. @param {OwnVote} vote @param {string} why */
function postpone(vote, why) {
  vote.tries++;
  vote.why = why;
  vote.notBefore = Date.now() + Math.min(2 ** (vote.tries - 1) * MINUTE_MS, LONGEST_WAIT_MS);
}

/** Lets all votes wait that a busy intake would have to answer. @param {number} wait in milliseconds */
async function leaveAlone(wait) {
  for (const vote of (await load()).values()) vote.notBefore = Math.max(vote.notBefore, Date.now() + wait);
}

/** Lets what waits be tried at once: there is another intake. */
export async function retryVotes() {
  for (const vote of (await load()).values()) Object.assign(vote, { notBefore: 0, tries: 0 });
  await keep();
}

/**
 * Sends one vote and says in it what became of it. Only what an intake itself says is believed: a captive portal may
 * answer with 200, and another server with 404.
 * @param {string} intake
 * @param {string} id
 * @param {OwnVote} vote
 * @returns {Promise<boolean>} false when the intake could not be used
 */
async function sendOne(intake, id, vote) {
  let answer, said;
  try {
    answer = await request(intake, id, vote);
    said = await answer.json();
  } catch (error) {
    postpone(vote, answer ? `the intake answered ${answer.status}, and no JSON` : String(error.message ?? error));
    return false;
  }
  const { code = null, message = code } = said?.error ?? {};
  const done = answer.ok ? said?.success === true : vote.categories.length === 0 && code === 'NOT_FOUND';
  if (done) {
    Object.assign(vote, { state: 'sent', why: '' });
    return true;
  }
  const why = String(message ?? `the intake answered ${answer.status}`).slice(0, MOST_WORDS);
  if (REFUSALS.has(code)) {
    Object.assign(vote, { state: 'refused', why });
    return true;
  }
  postpone(vote, why);
  const wait = askedToWait(answer);
  if (wait !== null) await leaveAlone(wait);
  return false;
}

/** Those that wait, the one to be tried first in front. @param {Map<string, OwnVote>} known */
const waiting = (known) =>
  [...known].filter(([, { state }]) => state === 'waiting').sort(([, a], [, b]) => a.notBefore - b.notBefore || a.at - b.at);

async function sendDue() {
  const { intake } = await readSettings();
  if (!intake) return false;
  const known = await load();
  let changed = false;
  for (let failures = 0; failures < ENOUGH_FAILURES; ) {
    const [id, vote] = waiting(known)[0] ?? [];
    if (!vote || (vote.notBefore > Date.now() && vote.notBefore <= Date.now() + LONGEST_WAIT_MS)) break;
    failures = (await sendOne(intake, id, vote)) ? 0 : failures + 1;
    if (vote.state === 'waiting' && Date.now() - vote.at > GIVEN_UP_MS) {
      Object.assign(vote, { state: 'refused', why: `given up after a week: ${vote.why}` });
    }
    if (vote.state !== 'waiting' && vote.categories.length === 0 && known.get(id) === vote) known.delete(id);
    changed ||= vote.state !== 'waiting';
    await keep();
  }
  const next = waiting(known)[0]?.[1];
  if (next) await chrome.alarms.create(ALARM, { when: Math.max(next.notBefore, Date.now() + SOONEST_MS) });
  return changed;
}

/**
 * Sends what waits and is due. One vote that fails does not keep the others back. Calls at once share one run.
 * @returns {Promise<boolean>} whether any vote was sent or refused
 */
export function sendVotes() {
  sending ??= sendDue().finally(() => (sending = null));
  return sending;
}
