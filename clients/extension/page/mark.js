/** One video's mark on the page. */

/** What the user wants to see nevertheless, until the page is left. @type {Set<string>} */
const revealed = new Set();

class MarkView {
  #item;
  #host = document.createElement('realtube-mark');
  #badge = document.createElement('span');
  #vote = document.createElement('button');
  #show = document.createElement('button');
  #menu;
  #latest = null;
  #shown = false;

  /**
   * @param {Element} item
   * @param {(id: string, categories: string[]) => void} castVote
   */
  constructor(item, castVote) {
    this.#item = item;
    const root = this.#host.attachShadow({ mode: 'closed' }); // pages need not know what the user voted
    root.adoptedStyleSheets = [SHEET];
    const pill = document.createElement('div');
    pill.className = 'pill';
    this.#show.textContent = 'Show';
    this.#show.className = 'show';
    for (const button of [this.#vote, this.#show]) button.type = 'button';
    pill.append(this.#badge, this.#vote, this.#show);
    root.append(pill);
    this.#menu = new VoteMenu(this.#vote, (categories) => castVote(this.#latest.mark.id, categories));
    this.#vote.addEventListener('click', () => this.#menu.open());
    this.#show.addEventListener('click', () => this.#reveal());
    this.#host.addEventListener('click', (event) => event.stopPropagation());
  }

  #reveal() {
    revealed.add(this.#latest.mark.id);
    this.update(this.#latest.mark, this.#latest.answer);
  }

  /**
   * Shows a mark in place of the one before.
   * @param {any} mark
   * @param {{madeAt: number | null, mayVote: boolean}} answer
   */
  update(mark, answer) {
    this.#latest = { mark, answer };
    const { action, own } = mark;
    if (mark.hidden || (action === 'none' && !answer.mayVote)) return this.remove();
    const shown = this.#actionHere(mark);
    this.#host.dataset.action = shown;
    this.#item.dataset.realtube = shown;

    const badge = wordsOfBadge(mark, answer.madeAt);
    this.#badge.hidden = action === 'none';
    this.#badge.textContent = badge.text;
    this.#badge.title = badge.title;
    this.#badge.className = `badge ${mark.channelOnly ? 'mild' : ''} ${answer.madeAt === null ? '' : 'old'}`;

    const vote = wordsOfVote(own);
    this.#vote.hidden = !answer.mayVote;
    this.#vote.textContent = vote.text;
    this.#vote.title = vote.title;
    this.#vote.setAttribute('aria-label', vote.title);
    this.#vote.className = `vote ${own?.state ?? ''} ${own?.categories.includes('not_ai') ? 'people' : ''}`;
    this.#menu.update(own?.categories ?? []);

    this.#show.hidden = !(shown === 'blur' || shown === 'hide');
    this.#shown = true;
    this.attach();
  }

  /** Puts the mark where it belongs, should the page have thrown it away. */
  attach() {
    if (this.#shown && this.#host.parentElement !== this.#item) this.#item.append(this.#host);
  }

  /** A player is blurred, never taken away; what the user wanted to see is only badged. */
  #actionHere({ id, action }) {
    if (revealed.has(id) && action !== 'none') return 'badge';
    return action === 'hide' && this.#item.matches('ytd-reel-video-renderer') ? 'blur' : action;
  }

  remove() {
    this.#shown = false;
    this.#host.remove();
    delete this.#item.dataset.realtube;
  }
}
