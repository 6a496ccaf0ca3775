/** What the user chose, and what is chosen for them at first. */

import { CATEGORIES } from '../realtube/realtube.js';
import { SITE } from './site.js';

/** What is done with a video, the mildest first. */
export const ACTIONS = ['none', 'badge', 'blur', 'hide'];
/** A row has at least this score; lower thresholds would mean the same. */
export const LEAST_SCORE = 17;

/**
 * @typedef {'none' | 'badge' | 'blur' | 'hide'} Action
 * @typedef {object} Settings
 * @property {string[]} origins addresses of the folders that hold `v1/`
 * @property {string} root fingerprint of root 1, or nothing
 * @property {string} intake where votes are sent, or nothing
 * @property {Record<string, {action: Action, from: number}>} categories what is done from which score on
 * @property {boolean} channels whether videos are badged that only their channel speaks against
 */

const FIRST_RULES = {
  fully_ai: { action: 'badge', from: 50 },
  ai_voiceover: { action: 'badge', from: 60 },
  ai_visuals: { action: 'badge', from: 60 },
  ai_thumbnails: { action: 'badge', from: 75 },
  ai_assisted: { action: 'none', from: 75 },
};

/**
 * An address as it is kept: without a slash at its end.
 * @param {unknown} text
 * @returns {string | null} null for what is none: it must be https, or this machine's, without a query
 */
export function asAddress(text) {
  const url = typeof text === 'string' && URL.canParse(text.trim()) ? new URL(text.trim()) : null;
  if (!url || url.search || url.hash || url.username || url.password) return null;
  const here = url.protocol === 'http:' && /^(localhost|127\.0\.0\.1)$/.test(url.hostname);
  return here || url.protocol === 'https:' ? url.href.replace(/\/*$/, '') : null;
}

/**
 * A fingerprint as it is kept.
 * @param {unknown} text
 * @returns {string | null} null for what is none; nothing is one
 */
export function asFingerprint(text) {
  const hex = typeof text === 'string' ? text.replace(/[\s:]/g, '').toLowerCase() : null;
  return hex !== null && /^([0-9a-f]{64})?$/.test(hex) ? hex : null;
}

/** @param {any} rule @param {{action: string, from: number}} otherwise */
function asRule(rule, otherwise) {
  const action = ACTIONS.includes(rule?.action) ? rule.action : otherwise.action;
  const fits = Number.isInteger(rule?.from) && rule.from >= LEAST_SCORE && rule.from <= 100;
  return { action, from: fits ? rule.from : otherwise.from };
}

/**
 * Settings from what is stored: what cannot be meant is as at first.
 * @param {any} stored
 * @returns {Settings}
 */
export function asSettings(stored) {
  const origins = Array.isArray(stored?.origins) ? stored.origins.map(asAddress).filter(Boolean) : SITE.origins;
  const named = CATEGORIES.map((name) => [name, asRule(stored?.categories?.[name], FIRST_RULES[name])]);
  return {
    origins,
    root: asFingerprint(stored?.root) ?? SITE.root,
    intake: stored?.intake === '' ? '' : (asAddress(stored?.intake) ?? SITE.intake),
    categories: Object.fromEntries(named),
    channels: stored?.channels === true,
  };
}

export async function readSettings() {
  return asSettings((await chrome.storage.local.get('settings')).settings);
}
