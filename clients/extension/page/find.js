/** Which elements of the site's pages are videos, and which video each of them is. */

const ITEMS = 'ytd-rich-item-renderer, ytd-video-renderer, ytd-compact-video-renderer, ytd-reel-video-renderer';
const VIDEO_ID = /^[A-Za-z0-9_-]{1,16}$/;
const CHANNEL_PATH = /^\/channel\/(UC[A-Za-z0-9_-]{22})(?:\/|$)/;

/** @param {string} href @returns {string | null} */
function idOfAddress(href) {
  const url = URL.parse(href, location.href);
  if (!url || url.host !== location.host) return null;
  const id = url.pathname === '/watch' ? url.searchParams.get('v') : /^\/shorts\/([^/]+)\/?$/.exec(url.pathname)?.[1];
  return id && VIDEO_ID.test(id) ? id : null;
}

/** @param {Element | null} link */
const idOfLink = (link) => (link ? idOfAddress(link.getAttribute('href') ?? '') : null);

/**
 * The video that an element shows now.
 * @param {Element} item
 * @returns {string | null}
 */
function idOfItem(item) {
  const found = idOfLink(item.querySelector('a#thumbnail[href]'));
  if (found) return found;
  for (const link of item.querySelectorAll('a[href]')) {
    const id = idOfLink(link);
    if (id) return id;
  }
  return item.matches('ytd-reel-video-renderer[is-active]') ? idOfAddress(location.href) : null;
}

/**
 * The channel that an element names by its id.
 * @param {Element} item
 * @returns {string} nothing when it names none
 */
function channelOfItem(item) {
  for (const link of item.querySelectorAll('a[href*="/channel/"]')) {
    const named = CHANNEL_PATH.exec(URL.parse(link.getAttribute('href'), location.href)?.pathname ?? '');
    if (named) return named[1];
  }
  return '';
}

/**
 * The video's element that a node is or stands in; of nested ones the outermost.
 * @param {Node} node
 * @returns {Element | null}
 */
function itemOf(node) {
  let found = null;
  let inner = node instanceof Element ? node : node.parentElement;
  while ((inner = inner?.closest(ITEMS) ?? null)) {
    found = inner;
    inner = inner.parentElement;
  }
  return found;
}

/**
 * The videos' elements that an element is, stands in, or holds.
 * @param {Element} element
 * @returns {Element[]}
 */
function itemsOf(element) {
  const around = itemOf(element);
  return around ? [around] : [...element.querySelectorAll(ITEMS)].filter((item) => itemOf(item) === item);
}
