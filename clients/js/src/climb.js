/** The ways to the rows of a head, the cheapest first. */

import { readBase } from './base.js';
import { NO_BLOCK, readBlock, readRing } from './block.js';
import { damaged, RealTubeError } from './errors.js';
import { Head, MAX_HEAD_BYTES, sum } from './head.js';
import { inflate } from './inflate.js';
import { Rows } from './rows.js';
import { array, DAY, exactly, FILE, HASH, integer, object, orNull, parseJson, ROWS } from './shape.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */
/** @typedef {import('./origins.js').Origins} Origins */
/** @typedef {{file: string, bytes: number}} FileName */

/**
 * What is held: a head that was accepted, and its rows, unless they were lost.
 * @typedef {{head: Head, rows: Rows | null}} Held
 */

/**
 * @typedef {object} Epochs
 * @property {{seq: number, n: number, state: string, p1: FileName, p2: FileName}} base
 * @property {{epoch: string, seq: number, n: number, bytes: number, file: string | null}[]} rolls
 */

/** Rows somewhere on the way, the tick that they are of, and how they came. @typedef {{rows: Rows, seq: number, how: string}} Stage */

const MAX_EPOCHS_BYTES = 1 << 20;
/** A roll is taken up to this share of the packed base's bytes. */
const ROLL_SHARE = 0.6;

const isEpochs = object({
  v: exactly(1),
  epoch: DAY,
  base: object({ seq: integer(1), n: ROWS, state: HASH, p1: FILE, p2: FILE }),
  rolls: array(object({ epoch: DAY, seq: integer(1), n: ROWS, bytes: integer(0), file: orNull(HASH) })),
});

/** Brings rows from what is held to a head; it reads files, and keeps nothing. */
export class Climb {
  /**
   * @param {Held | null} held
   * @param {Head} head
   * @param {Origins} origins
   */
  constructor(held, head, origins) {
    this.held = held?.rows ? { head: held.head.payload, state: held.head.payload.state, rows: held.rows } : null;
    this.head = head;
    this.goal = head.payload;
    this.origins = origins;
    /** What did not work. @type {string[]} */
    this.failures = [];
    /** @type {Epochs | undefined} */
    this.knownEpochs = undefined;
  }

  /**
   * Takes the ways one after the other until one arrives.
   * @returns {Promise<{rows: Rows, how: string}>}
   */
  async run() {
    for (const way of this.ways()) {
      try {
        const start = await way.call(this);
        if (start === null) continue;
        const { rows, how } = await this.follow(this.head, start);
        await rows.check(this.goal.state, this.goal.n);
        return { rows, how: [start.how, how].filter(Boolean).join('+') || 'head' };
      } catch (error) {
        if (!(error instanceof RealTubeError) || way === this.wholeBase) throw error;
        this.failures.push(error.message);
      }
    }
    throw damaged('rows', 'no way leads to them');
  }

  /** @returns {(() => Promise<Stage | null>)[]} */
  ways() {
    return [this.sameDay, this.sameDayFromBase, this.nextDay, this.finishedDay, this.roll, this.wholeBase];
  }

  /** Whether the rows held count from the base of this head. */
  get sameBase() {
    const { held, goal } = this;
    if (!held || held.head.epoch !== goal.epoch) return false;
    return held.head.base.seq === goal.base.seq && held.head.base.state === goal.base.state;
  }

  /** From the tick held, in the same epoch. */
  async sameDay() {
    const { held, goal } = this;
    return held && this.sameBase && held.head.seq <= goal.seq ? { rows: held.rows, seq: held.head.seq, how: '' } : null;
  }

  /** From the base held, in the same epoch: for when what came after it was damaged. */
  async sameDayFromBase() {
    return this.held && this.sameBase ? { rows: Rows.of(this.held.rows.base), seq: this.goal.base.seq, how: 'reread' } : null;
  }

  /** The rows held are this epoch's base. */
  async nextDay() {
    const { held, goal } = this;
    if (!held || held.head.epoch === goal.epoch || held.head.seq !== goal.base.seq) return null;
    return this.settle(held.rows, 'rebase');
  }

  /** The epoch held was the last one: its last tick's head leads to this epoch's base. */
  async finishedDay() {
    const { held, goal } = this;
    const { epoch, seq, state } = goal.base;
    if (!held || epoch === goal.epoch || held.head.epoch !== epoch || held.head.seq >= seq) return null;
    const last = await this.origins.read(`v1/c/${seq}.json`, { bytes: MAX_HEAD_BYTES }, async (body) => {
      const head = await Head.read(body, `commit ${seq}`);
      const { payload } = head;
      const goesOn = payload.epoch === epoch && payload.base.seq === held.head.base.seq;
      if (payload.seq !== seq || payload.state !== state || !goesOn) throw damaged(`commit ${seq}`, 'is of another tick');
      return head;
    });
    const { rows, how } = await this.follow(last, { rows: held.rows, seq: held.head.seq, how: '' });
    return this.settle(rows, ['finish', how].filter(Boolean).join('+'));
  }

  /** From an earlier epoch's base by what changed since. */
  async roll() {
    const { held, goal } = this;
    if (!held || held.rows.base.epoch === goal.epoch) return null;
    const { base, rolls } = await this.epochs();
    const from = held.rows.base;
    const entry = rolls.find(({ epoch, seq }) => epoch === from.epoch && seq === from.seq);
    if (!entry || entry.n !== from.scores.length || entry.bytes > ROLL_SHARE * (base.p1.bytes + base.p2.bytes)) return null;
    const start = Rows.of(from);
    if (entry.file === null) return this.settle(start, 'roll');
    const where = `v1/roll/${goal.epoch}/${from.epoch}-${entry.file.slice(0, 16)}.bin`;
    const file = { file: entry.file, bytes: entry.bytes };
    const block = await this.origins.readFile(where, file, (body) => readBlock(body, where));
    if (block.next !== NO_BLOCK || block.seq !== base.seq) throw damaged(where, 'is the roll of another tick');
    return this.settle(start.apply([block]), 'roll');
  }

  /** The whole base. The ring first: without it the base, which is far larger, would be of no use. */
  async wholeBase() {
    const { goal, origins } = this;
    const { base } = await this.epochs();
    const { news, how } = await this.news(this.head, goal.base.seq);
    const key = (/** @type {string} */ part, /** @type {FileName} */ name) =>
      `v1/e/${goal.epoch}/base-${name.file.slice(0, 16)}.${part}`;
    const part1 = await origins.readFile(key('p1', base.p1), base.p1, (body) => body);
    const part2 = await origins.readFile(key('p2', base.p2), base.p2, (body) => body);
    const rows = new Rows(await readBase(part1, part2, { ...goal.base, n: base.n, epoch: goal.epoch }));
    await rows.check(goal.base.state, base.n);
    return { rows: rows.apply(news), seq: goal.seq, how: ['base', how].filter(Boolean).join('+') };
  }

  /**
   * Makes rows this epoch's base.
   * @param {Rows} rows
   * @param {string} how
   */
  async settle(rows, how) {
    const { epoch, base } = this.goal;
    return { rows: await rows.settle({ epoch, seq: base.seq, state: base.state }), seq: base.seq, how };
  }

  /**
   * Goes on to a head's tick in its epoch.
   * @param {Head} head
   * @param {Stage} stage
   */
  async follow(head, { rows, seq }) {
    const { news, how } = await this.news(head, seq);
    return { rows: rows.apply(news), how };
  }

  /**
   * A head's blocks of the ticks after `seq`.
   * @param {Head} head
   * @param {number} seq
   */
  async news(head, seq) {
    const wanted = head.bytesSince(seq);
    if (wanted === 0) return { news: [], how: '' };
    const read = (/** @type {Bytes} */ prefix) => readRing(prefix, head, seq);
    const inline = await head.inlineBlock(wanted);
    if (inline) return { news: await read(inline), how: 'inline' };
    const of = sum(head.payload.ring?.sizes ?? []);
    return { news: await this.origins.read(head.ringKey, { bytes: wanted, of, exact: true }, read), how: 'ring' };
  }

  /** @returns {Promise<Epochs>} */
  async epochs() {
    const { epochs: file, epoch, base } = this.goal;
    const key = `v1/epochs-${file.file.slice(0, 16)}.json.gz`;
    this.knownEpochs ??= await this.origins.readFile(key, file, async (body) => {
      const epochs = /** @type {any} */ (parseJson(await inflate('gzip', body, MAX_EPOCHS_BYTES, key)));
      const is = isEpochs(epochs) && epochs.epoch === epoch && epochs.base.seq === base.seq && epochs.base.state === base.state;
      if (!is) throw damaged(key, 'is not as it must be');
      return epochs;
    });
    return /** @type {Epochs} */ (this.knownEpochs);
  }
}
