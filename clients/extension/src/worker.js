/** The service worker: answers the site's pages and the options, rings by alarms. It may be ended at any moment. */

import { CATEGORIES } from '../realtube/realtube.js';
import { currentRecord, syncAsked, syncNow, syncWhenDue } from './following.js';
import { markOf } from './marking.js';
import { readSettings } from './settings.js';
import { castVote, ownVotes, retryVotes, sendVotes, votesByState } from './voting.js';

const VOTABLE = [...CATEGORIES, 'not_ai'];
const MOST_IDS = 2000;
const isId = (id) => typeof id === 'string' && /^[A-Za-z0-9_-]{1,16}$/.test(id);

// Pages of the site run in processes that a stranger may take over: the voter's id is none of their business.
const guarded = chrome.storage.local.setAccessLevel({ accessLevel: 'TRUSTED_CONTEXTS' });

/** What the site's pages answer to a message; nothing from tabs that have none. @param {object} message */
async function askPages(message) {
  const tabs = await chrome.tabs.query({});
  return Promise.all(tabs.map(({ id }) => chrome.tabs.sendMessage(id, message).catch(() => null)));
}

const lookAgain = () => askPages({ kind: 'changed' });

/** Lets the pages look again when work changed something. @param {Promise<any>} work */
async function andTell(work) {
  if (await work) await lookAgain();
}

const send = () => andTell(sendVotes());

/** Requests of the site's pages. */
const forPages = {
  /** Marks of some videos; one visible page is reason enough to sync. */
  async look({ ids, visible }) {
    const asked = Array.isArray(ids) ? ids.slice(0, MOST_IDS).filter(isId) : [];
    const [record, settings, own] = await Promise.all([currentRecord().catch(() => null), readSettings(), ownVotes(asked)]);
    const verdicts = record ? record.lookup(asked) : asked.map(() => null);
    const { stale = false, ts = null } = record?.status() ?? {};
    if (visible === true) {
      void andTell(syncWhenDue());
      void send();
    }
    const marks = asked.map((id, place) => markOf(id, verdicts[place], own[place], settings));
    return { marks, madeAt: stale ? ts : null, mayVote: settings.intake !== '' };
  },

  async vote({ id, categories, channelId }) {
    const chosen = Array.isArray(categories) ? [...new Set(categories)] : null;
    const together = chosen?.every((name) => VOTABLE.includes(name)) && (!chosen.includes('not_ai') || chosen.length === 1);
    if (!isId(id) || !together) return { taken: false };
    await castVote(id, chosen, /^UC[A-Za-z0-9_-]{22}$/.test(channelId) ? channelId : '');
    void send();
    await lookAgain();
    return { taken: true };
  },
};

/** Requests of the extension's own pages. */
const forOptions = {
  async status() {
    const [{ lastSync = null }, votes] = await Promise.all([chrome.storage.local.get('lastSync'), votesByState()]);
    const record = await currentRecord().catch(() => null);
    return { status: record?.status() ?? null, lastSync, votes };
  },

  async sync() {
    const done = await syncAsked();
    await lookAgain();
    return done;
  },
};

/** @param {chrome.runtime.MessageSender} sender */
const isOurs = ({ id, origin, url }) =>
  id === chrome.runtime.id && origin === location.origin && (url ?? '').startsWith(chrome.runtime.getURL('options/'));

chrome.runtime.onMessage.addListener((message, sender, answer) => {
  const requests = isOurs(sender) ? forOptions : sender.tab ? forPages : {};
  const kind = String(message?.kind);
  if (!Object.hasOwn(requests, kind)) return false;
  guarded
    .then(() => requests[kind](message))
    .then(answer, (error) => answer({ failure: String(error?.message ?? error) }));
  return true;
});

chrome.alarms.onAlarm.addListener(async ({ name }) => {
  if (name === 'votes') await send();
  if (name !== 'sync') return;
  const watched = (await askPages({ kind: 'visible' })).includes(true);
  if (watched) await andTell(syncNow());
});

chrome.storage.onChanged.addListener(async (changes, area) => {
  if (area !== 'local' || !changes.settings) return;
  const { oldValue, newValue } = changes.settings;
  if (oldValue?.intake !== newValue?.intake) await retryVotes();
  await lookAgain();
  await send();
});

chrome.runtime.onInstalled.addListener(async ({ reason }) => {
  if (reason === 'install' && (await readSettings()).origins.length === 0) await chrome.runtime.openOptionsPage();
});

chrome.action.onClicked.addListener(() => chrome.runtime.openOptionsPage());
