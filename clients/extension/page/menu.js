/** The menu to vote with. */

class VoteMenu {
  #element = document.createElement('div');
  #opener;
  #choose;
  #lastLine;
  /** @type {string[]} */
  #chosen = [];

  /**
   * @param {HTMLButtonElement} opener
   * @param {(categories: string[]) => void} choose is told the whole vote; none: it is taken back
   */
  constructor(opener, choose) {
    this.#opener = opener;
    this.#choose = choose;
    this.#element.className = 'menu';
    this.#element.popover = 'auto';
    this.#element.setAttribute('role', 'menu');
    this.#element.setAttribute('aria-label', 'What about this video is AI-made?');
    for (const [name, label] of Object.entries(CHOICES)) {
      if (name === 'not_ai') this.#separate();
      this.#add(label, 'menuitemcheckbox', name, () => this.#toggle(name));
    }
    this.#lastLine = this.#separate();
    this.#add('Take my vote back', 'menuitem', 'retract', () => this.#say([]));
    this.#element.addEventListener('keydown', (event) => this.#move(event));
    this.#element.addEventListener('toggle', ({ newState }) => opener.setAttribute('aria-expanded', newState === 'open'));
    opener.setAttribute('aria-haspopup', 'menu');
    opener.setAttribute('aria-expanded', 'false');
    opener.after(this.#element);
  }

  #separate() {
    const line = document.createElement('div');
    line.setAttribute('role', 'separator');
    this.#element.append(line);
    return line;
  }

  #add(label, role, name, act) {
    const button = document.createElement('button');
    button.type = 'button';
    button.dataset.choice = name;
    button.setAttribute('role', role);
    button.textContent = label;
    // Only the user votes: a click that a script of the page makes up is no vote.
    button.addEventListener('click', (event) => event.isTrusted && act());
    this.#element.append(button);
  }

  /** A vote is a set of categories, or that people made it. @param {string} name */
  #toggle(name) {
    const had = this.#chosen.includes(name);
    if (name === 'not_ai') this.#say(had ? [] : ['not_ai']);
    else this.#say([...this.#chosen.filter((other) => other !== name && other !== 'not_ai'), ...(had ? [] : [name])]);
  }

  /** @param {string[]} categories */
  #say(categories) {
    this.update(categories);
    this.#choose(categories);
    if (categories.length === 0 || categories[0] === 'not_ai') this.#element.hidePopover();
  }

  /** Shows which vote stands. @param {string[]} categories */
  update(categories) {
    this.#chosen = categories;
    this.#lastLine.hidden = categories.length === 0;
    for (const button of this.#buttons()) {
      const { choice } = button.dataset;
      if (choice === 'retract') button.hidden = categories.length === 0;
      else button.setAttribute('aria-checked', String(categories.includes(choice)));
    }
  }

  #buttons() {
    return [...this.#element.querySelectorAll('button')];
  }

  open() {
    if (this.#element.matches(':popover-open')) return this.#element.hidePopover();
    this.#element.showPopover();
    const { left, bottom, top } = this.#opener.getBoundingClientRect();
    const { width, height } = this.#element.getBoundingClientRect();
    const fits = bottom + height + 8 <= innerHeight;
    this.#element.style.left = `${Math.max(4, Math.min(left, innerWidth - width - 4))}px`;
    this.#element.style.top = `${Math.max(4, fits ? bottom + 4 : top - height - 4)}px`;
    this.#buttons()[0].focus({ preventScroll: true });
    document.addEventListener('scroll', () => this.#element.hidePopover(), { capture: true, once: true, passive: true });
  }

  /** @param {KeyboardEvent} event */
  #move(event) {
    event.stopPropagation(); // keys are the site's shortcuts elsewhere
    const buttons = this.#buttons().filter((button) => !button.hidden);
    const here = buttons.findIndex((button) => button.matches(':focus'));
    const place = { ArrowDown: here + 1, ArrowUp: here - 1, Home: 0, End: -1 }[event.key];
    if (place === undefined) return;
    event.preventDefault();
    buttons.at(place % buttons.length)?.focus();
  }
}
