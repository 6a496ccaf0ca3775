/** What is shown of a video: a rule over its verdict, the user's own vote, and the settings. */

import { CATEGORIES } from '../realtube/realtube.js';
import { ACTIONS } from './settings.js';

/** @typedef {import('./settings.js').Settings} Settings */

/**
 * @typedef {object} Mark
 * @property {string} id
 * @property {boolean} hidden nothing at all may be shown
 * @property {import('./settings.js').Action} action
 * @property {number | null} score
 * @property {string[]} categories those that reached their threshold
 * @property {boolean} channelOnly only its channel speaks against it
 * @property {boolean} locked by a moderator
 * @property {{categories: string[], state: string} | null} own the user's vote
 */

/**
 * The rule. Nobody's own counter-vote is overruled; a prior alone is badged at most, and only when asked for; a row
 * that names no category is judged as `fully_ai`.
 * @param {string} id
 * @param {any} verdict of the record, or null
 * @param {{categories: string[], state: string} | null} own
 * @param {Settings} settings
 * @returns {Mark}
 */
export function markOf(id, verdict, own, settings) {
  const mark = { id, hidden: false, action: 'none', score: null, categories: [], channelOnly: false, locked: false, own };
  if (verdict?.hidden) return { ...mark, hidden: true, own: null };
  if (!verdict || own?.categories.includes('not_ai')) return mark;
  const { score, locked } = verdict;
  if (verdict.priorOnly) return settings.channels ? { ...mark, action: 'badge', score, channelOnly: true } : mark;

  const flagged = CATEGORIES.filter((name) => verdict.flags[name]);
  const judged = flagged.length ? flagged : ['fully_ai'];
  const reached = judged.filter((name) => {
    const { action, from } = settings.categories[name];
    return action !== 'none' && score >= from;
  });
  if (reached.length === 0) return mark;
  const strongest = Math.max(...reached.map((name) => ACTIONS.indexOf(settings.categories[name].action)));
  return { ...mark, action: ACTIONS[strongest], score, categories: reached, locked };
}
