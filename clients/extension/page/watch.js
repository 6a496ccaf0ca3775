/** Follows the page: asks the worker about every video that appears, and shows what it answers. */

const SETTLE_MS = 60;
const MOST_IDS = 1000;

/**
 * What is known of each video's element; `since` is the number of the look or vote that it follows.
 * @type {WeakMap<Element, {id: string, view: MarkView, answered: boolean, since: number}>}
 */
const states = new WeakMap();
/** Elements to look at. @type {Set<Element>} */
const pending = new Set();
let timer = 0;
/** Looks and votes so far. */
let count = 0;

const isVisible = () => document.visibilityState === 'visible';

/** Ends everything once the extension was replaced or removed: nobody would answer any more. */
function stop() {
  observer.disconnect();
  document.removeEventListener('visibilitychange', lookAtAll);
  for (const item of document.querySelectorAll('[data-realtube]')) states.get(item)?.view.remove();
}

/** @param {object} message @returns {Promise<any>} null when nobody answers */
async function ask(message) {
  if (!chrome.runtime?.id) {
    stop();
    return null;
  }
  const answer = await chrome.runtime.sendMessage(message).catch(() => null);
  return answer && !answer.failure ? answer : null;
}

/** @param {Element} item @returns {(id: string, categories: string[]) => void} */
const voteFrom = (item) => (id, categories) => {
  const state = states.get(item);
  if (state) state.since = ++count; // answers to earlier looks do not know this vote
  void ask({ kind: 'vote', id, categories, channelId: channelOfItem(item) });
};

/**
 * What is known of an element, which may have become another video.
 * @param {Element} item
 */
function stateOf(item) {
  const id = idOfItem(item);
  const known = states.get(item);
  if (known?.id === id) return known;
  known?.view.remove();
  states.delete(item);
  if (id === null) return null;
  const state = { id, view: new MarkView(item, voteFrom(item)), answered: false, since: 0 };
  states.set(item, state);
  return state;
}

/** @param {string[]} ids */
async function askAbout(ids) {
  const number = ++count;
  const answer = await ask({ kind: 'look', ids, visible: isVisible() });
  const marks = new Map((answer?.marks ?? []).map((mark) => [mark.id, mark]));
  for (const item of document.querySelectorAll(ITEMS)) {
    const state = states.get(item);
    const mark = state && marks.get(state.id);
    if (!mark || number < state.since || idOfItem(item) !== state.id) continue;
    state.answered = true;
    state.since = number;
    state.view.update(mark, answer);
  }
}

function look() {
  timer = 0;
  const ids = new Set();
  for (const item of pending) {
    const state = item.isConnected ? stateOf(item) : null;
    if (state?.answered) state.view.attach();
    else if (state) ids.add(state.id);
  }
  pending.clear();
  const asked = [...ids];
  for (let start = 0; start < asked.length; start += MOST_IDS) void askAbout(asked.slice(start, start + MOST_IDS));
}

/** @param {Iterable<Element>} items */
function soon(items) {
  for (const item of items) pending.add(item);
  if (pending.size) timer ||= setTimeout(look, SETTLE_MS);
}

function lookAtAll() {
  if (!isVisible()) return;
  for (const item of document.querySelectorAll(ITEMS)) {
    const state = states.get(item);
    if (state) state.answered = false;
  }
  soon(itemsOf(document.documentElement));
}

const observer = new MutationObserver((records) => {
  for (const { target, addedNodes } of records) {
    const item = itemOf(target);
    if (item) soon([item]);
    else for (const node of addedNodes) if (node instanceof Element) soon(itemsOf(node));
  }
});

chrome.runtime.onMessage.addListener((message, sender, answer) => {
  if (message?.kind === 'visible') answer(isVisible());
  if (message?.kind === 'changed') lookAtAll();
  return false;
});
document.addEventListener('visibilitychange', lookAtAll);
observer.observe(document, { subtree: true, childList: true, attributes: true, attributeFilter: ['href', 'is-active'] });
lookAtAll();
