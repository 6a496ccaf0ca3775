/** RealTube for browsers: a signed record of which videos are AI-made, kept up to date. */

export type ErrorCode =
  | 'format' | 'req' | 'signature' | 'size'
  | 'refused-log' | 'refused-gen' | 'rollback' | 'equivocation'
  | 'damaged' | 'missing' | 'network' | 'unsupported' | 'storage';

/** Two signed heads that cannot both be honest, as text. */
export interface Evidence {
  held: string;
  seen: string;
}

export class RealTubeError extends Error {
  code: ErrorCode;
  evidence: Evidence | null;
  /** When to try again, Unix milliseconds; set by `sync()`. */
  nextPollMs: number | null;
}

export type Category = 'fully_ai' | 'ai_voiceover' | 'ai_visuals' | 'ai_thumbnails' | 'ai_assisted';
export const CATEGORIES: readonly Category[];

/** What the record says of one video. Of a hidden one nothing may be shown: it has no score and no flags. */
export interface Verdict {
  id: string;
  /** 0–100: percent that the video is AI-made; null when it is hidden. */
  score: number | null;
  flags: Record<Category, boolean>;
  /** Fixed by a moderator. */
  locked: boolean;
  /** Lifted by its channel alone: nobody's flag counts yet. */
  priorOnly: boolean;
  hidden: boolean;
}

export interface Frozen {
  seq: number;
  reason: string;
}

export interface Sunset {
  ts: number;
  see: string;
}

/** What one sync did. */
export interface Report {
  /** The tick held before; null at first. */
  from: number | null;
  seq: number;
  /** The UTC day of the tick. */
  epoch: string;
  rows: number;
  /** The steps taken, joined by `+`: same, head, inline, ring, reread, rebase, finish, roll, base. */
  how: string;
  requests: number;
  bytes: number;
  /** The rows are the newest there are, and old: show them as old. */
  stale: boolean;
  frozen: Frozen | null;
  sunset: Sunset | null;
  /** When to sync again, Unix milliseconds. */
  nextPollMs: number;
  warnings: string[];
}

/** What is held now; null for what is not known yet. */
export interface Status {
  log: string | null;
  gen: number | null;
  seq: number | null;
  epoch: string | null;
  /** When the tick was made, Unix milliseconds. */
  ts: number | null;
  rows: number | null;
  /** Hash of the rows. */
  state: string | null;
  /** How many videos are hidden. */
  hidden: number;
  stale: boolean;
  frozen: Frozen | null;
  sunset: Sunset | null;
  /** Failures in a row. */
  failures: number;
  nextPollMs: number | null;
}

/**
 * Keeps values under names. `read` answers with one value a name, all of the same moment. `write` puts all entries or
 * none, and only when the version that the stored `state` has is the expected one (0: there is none); it says whether
 * it did. Without `expected` it always writes.
 */
export interface Store {
  read(names: string[]): Promise<any[]>;
  write(entries: Record<string, unknown>, expected?: number): Promise<boolean>;
}

export interface TubeRecord {
  /** One answer for each id; null for those the record says nothing of. */
  lookup(ids: string[]): (Verdict | null)[];
  status(): Status;
  /** Brings the record up to date, or throws a `RealTubeError` and leaves it as it was. Calls at once share one run. */
  sync(): Promise<Report>;
  /** Pairs of signed heads that cannot both be honest, the newest last. */
  evidence(): Promise<Evidence[]>;
}

export interface Options {
  /** Addresses of the folders that hold `v1/`, the preferred one first. */
  origins: string[];
  /** The text of root 1, or its SHA-256 in hex; without it the first root seen is trusted. */
  root?: string;
  /** IndexedDB unless another is given. */
  store?: Store;
  fetch?: typeof globalThis.fetch;
  /** Unix milliseconds. */
  now?: () => number;
  /** From 0 to 1. */
  random?: () => number;
}

/** Opens a record: what its store holds is there at once, `sync()` brings the rest. */
export function openRecord(options: Options): Promise<TubeRecord>;

/** A store in IndexedDB, which all pages and workers of one origin share. */
export function indexedDBStore(name?: string): Store;

/** A store that lasts as long as its program. */
export function memoryStore(): Store;
