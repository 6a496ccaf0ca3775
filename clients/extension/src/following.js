/** The record of the chosen tree: opened when needed, synced when due. */

import { indexedDBStore, openRecord } from '../realtube/realtube.js';
import { readSettings } from './settings.js';

const MINUTE_MS = 60_000;
/** No head lets a client wait longer: what is further away was reckoned by a clock that was wrong. */
const DAY_MS = 86_400_000;
/** How soon an alarm may ring. */
const SOONEST_MS = 30_000;
/** An idle worker is ended after 30 seconds; a call of the browser's interface counts as work. */
const STIR_MS = 20_000;
const ALARM = 'sync';

/** @type {{key: string, record: Promise<any>} | null} */
let opened = null;
/** @type {Promise<any> | null} */
let running = null;

/** Each tree has a database of its own, so that a change of addresses begins anew; the others are removed. */
async function open({ origins, root }, name) {
  for (const other of await indexedDB.databases()) if (other.name !== name) indexedDB.deleteDatabase(other.name);
  return openRecord({ origins, root: root || undefined, store: indexedDBStore(name) });
}

/**
 * The record, as it was stored.
 * @returns {Promise<any>} null while no address is chosen
 */
export async function currentRecord() {
  const { origins, root } = await readSettings();
  if (origins.length === 0) return null;
  const key = JSON.stringify([origins, root]);
  if (opened?.key !== key) {
    const record = open({ origins, root }, `tree ${root || origins.join(' ')}`);
    opened = { key, record };
    record.catch(() => {
      if (opened?.record === record) opened = null;
    });
  }
  return opened.record;
}

/** @param {any} error */
const asFailure = (error) => ({ code: error.code ?? error.name ?? 'unknown', message: String(error.message ?? error) });

async function syncOnce() {
  const at = Date.now();
  const stirring = setInterval(() => chrome.runtime.getPlatformInfo(), STIR_MS);
  let last, nextPollMs;
  try {
    const record = await currentRecord();
    if (!record) return { at, report: null, failure: { code: 'address', message: 'no address of a tree is chosen' } };
    const report = await record.sync();
    nextPollMs = report.nextPollMs;
    last = { at, report, failure: null };
  } catch (error) {
    nextPollMs = error.nextPollMs ?? at + 15 * MINUTE_MS;
    last = { at, report: null, failure: asFailure(error) };
  } finally {
    clearInterval(stirring);
  }
  await chrome.storage.local.set({ lastSync: last });
  await chrome.alarms.create(ALARM, { when: Math.max(nextPollMs, Date.now() + SOONEST_MS) });
  return last;
}

/** Syncs; calls at the same time share one run. Never fails: what went wrong is in the answer, which is kept too. */
export function syncNow() {
  running ??= syncOnce().finally(() => (running = null));
  return running;
}

/**
 * Syncs as soon as the head allows it, and not twice within a minute.
 * @returns {Promise<any>} null when it is too early
 */
export async function syncWhenDue() {
  const record = await currentRecord();
  if (!record || running) return running;
  const { lastSync } = await chrome.storage.local.get('lastSync');
  const due = Math.max(record.status().nextPollMs ?? 0, lastSync ? lastSync.at + MINUTE_MS : 0);
  const now = Date.now();
  return now >= due || due > now + DAY_MS ? syncNow() : null;
}

/**
 * Syncs because the user asks for it, though not twice within a minute.
 * @returns {Promise<{wait: number} | any>} `wait`: in how many seconds it may be asked for
 */
export async function syncAsked() {
  const { lastSync } = await chrome.storage.local.get('lastSync');
  const wait = lastSync ? Math.ceil((lastSync.at + MINUTE_MS - Date.now()) / 1000) : 0;
  return wait > 0 && wait <= 60 && !running ? { wait } : syncNow();
}
