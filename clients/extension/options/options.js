/** The options page. */

import { CATEGORIES } from '../realtube/realtube.js';
import { ACTIONS, asAddress, asFingerprint, asSettings, LEAST_SCORE, readSettings } from '../src/settings.js';
import { figuresOf, notesOf } from './figures.js';

const NAMES = {
  fully_ai: 'Made by AI',
  ai_voiceover: 'AI voice-over',
  ai_visuals: 'AI pictures',
  ai_thumbnails: 'AI thumbnail',
  ai_assisted: 'AI helped',
};
const DEEDS = { none: 'Do nothing', badge: 'Badge', blur: 'Blur', hide: 'Hide' };
const REFRESH_MS = 30_000;

/** @param {string} id @returns {any} */
const byId = (id) => document.getElementById(id);
/** @param {string} name @param {Record<string, any>} values @param {...(Node | string)} children */
const make = (name, values, ...children) => {
  const element = Object.assign(document.createElement(name), values);
  element.append(...children);
  return element;
};

/** @param {string} category @param {{action: string, from: number}} rule */
function ruleFields(category, { action, from }) {
  const choices = ACTIONS.map((name) => make('option', { value: name, selected: name === action }, DEEDS[name]));
  const select = make('select', { id: `action-${category}`, ariaLabel: `${NAMES[category]}: what to do` }, ...choices);
  const range = make('input', {
    type: 'range', id: `from-${category}`, min: String(LEAST_SCORE), max: '100', value: String(from),
    ariaLabel: `${NAMES[category]}: from which score on`,
  });
  const output = make('output', {}, `${from} %`);
  const row = make('div', { className: 'range' }, 'from', range, output);
  const follow = () => {
    output.textContent = `${range.value} %`;
    row.hidden = select.value === 'none';
    row.style.display = row.hidden ? 'none' : '';
  };
  range.addEventListener('input', follow);
  select.addEventListener('change', follow);
  follow();
  return make('fieldset', {}, make('legend', {}, NAMES[category]), select, row);
}

/** @param {string} field @param {string} words nothing when it is right */
function complain(field, words) {
  byId(`${field}-wrong`).textContent = words;
  byId(field).setAttribute('aria-invalid', String(words !== ''));
  return words === '';
}

const typedOrigins = () => byId('origins').value.split(/\s+/).filter(Boolean);

/** The settings as they are typed. @returns {any} null when something is wrong, which is said then */
function typed() {
  const origins = typedOrigins();
  const wrong = origins.find((text) => asAddress(text) === null);
  const root = asFingerprint(byId('root').value);
  const intake = byId('intake').value.trim();
  const right = [
    complain('origins', wrong === undefined ? '' : `${wrong} is no address: it begins with https://, or with http://localhost`),
    complain('root', root === null ? 'A fingerprint has 64 hex digits' : ''),
    complain('intake', intake === '' || asAddress(intake) !== null ? '' : 'This is no address: it begins with https://, or with http://localhost'),
  ];
  if (right.includes(false)) {
    document.querySelector('[aria-invalid="true"]')?.focus();
    return null;
  }
  const rules = CATEGORIES.map((name) => [name, { action: byId(`action-${name}`).value, from: Number(byId(`from-${name}`).value) }]);
  return asSettings({ origins, root, intake, categories: Object.fromEntries(rules), channels: byId('channels').checked });
}

/** @param {import('../src/settings.js').Settings} settings */
function fill({ origins, root, intake, categories, channels }) {
  byId('origins').value = origins.join('\n');
  byId('root').value = root;
  byId('intake').value = intake;
  byId('channels').checked = channels;
  byId('rules').replaceChildren(...CATEGORIES.map((name) => ruleFields(name, categories[name])));
}

async function refresh() {
  const state = await chrome.runtime.sendMessage({ kind: 'status' });
  if (!state || state.failure) return;
  byId('figures').replaceChildren(
    ...figuresOf(state, Date.now()).map(([name, value]) => make('div', {}, make('dt', {}, name), make('dd', {}, value))),
  );
  byId('notes').replaceChildren(...notesOf(state).map((note) => make('li', {}, note)));
}

async function sync() {
  byId('sync').disabled = true;
  byId('told').textContent = 'Syncing …';
  const done = await chrome.runtime.sendMessage({ kind: 'sync' }).catch((error) => ({ failure: error }));
  const failed = done?.failure ? 'It did not work.' : 'Up to date.';
  byId('told').textContent = done?.wait ? `Synced just now. Again in ${done.wait} seconds.` : failed;
  byId('sync').disabled = false;
  await refresh();
}

async function save() {
  byId('saved').textContent = '';
  const settings = typed();
  if (!settings) return;
  const before = await readSettings();
  const moved = JSON.stringify([before.origins, before.root]) !== JSON.stringify([settings.origins, settings.root]);
  if (moved) await chrome.storage.local.remove('lastSync'); // it was another tree's
  await chrome.storage.local.set({ settings });
  fill(settings);
  byId('saved').textContent = 'Saved.';
  if (moved && settings.origins.length) await sync();
  else await refresh();
}

async function askForAccess() {
  const addresses = [...typedOrigins(), byId('intake').value].map(asAddress).filter(Boolean);
  const origins = [...new Set(addresses.map((address) => `${new URL(address).protocol}//${new URL(address).hostname}/*`))];
  if (origins.length) await chrome.permissions.request({ origins });
}

fill(await readSettings());
byId('form').addEventListener('submit', (event) => {
  event.preventDefault();
  void save();
});
byId('sync').addEventListener('click', () => void sync());
byId('access').addEventListener('click', () => void askForAccess());
chrome.storage.onChanged.addListener(() => void refresh());
setInterval(refresh, REFRESH_MS);
await refresh();
