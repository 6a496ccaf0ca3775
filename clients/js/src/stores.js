/** Where a record is kept between two runs of its program. */

import { RealTubeError } from './errors.js';

/**
 * A store keeps values under names. `read` answers with one value a name, all of the same moment. `write` puts all entries or none, and only when the version that the stored
 * `state` has is the expected one (0: there is none); it says whether it did. Without `expected` it always writes.
 * @typedef {object} Store
 * @property {(names: string[]) => Promise<any[]>} read undefined for what there is not
 * @property {(entries: Record<string, unknown>, expected?: number) => Promise<boolean>} write
 */

/**
 * A store that lasts as long as its program.
 * @returns {Store}
 */
export function memoryStore() {
  /** @type {Map<string, any>} */
  const values = new Map();
  return {
    async read(names) {
      return names.map((name) => values.get(name));
    },
    async write(entries, expected) {
      if (expected !== undefined && (values.get('state')?.version ?? 0) !== expected) return false;
      for (const [name, value] of Object.entries(entries)) values.set(name, value);
      return true;
    },
  };
}

const TABLE = 'record';

/**
 * @template T
 * @param {IDBRequest<T>} request
 * @returns {Promise<T>}
 */
const answer = (request) =>
  new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result);
    request.onerror = () => reject(request.error);
  });

/**
 * @param {IDBTransaction} transaction
 * @returns {Promise<void>}
 */
const completion = (transaction) =>
  new Promise((resolve, reject) => {
    transaction.oncomplete = () => resolve();
    transaction.onabort = () => reject(transaction.error);
  });

/**
 * A store in IndexedDB, which all pages and workers of one origin share.
 * @param {string} [name] of the database
 * @returns {Store}
 */
export function indexedDBStore(name = 'realtube') {
  /** @type {Promise<IDBDatabase> | null} */
  let opened = null;
  const open = async () => {
    const request = indexedDB.open(name, 1);
    request.onupgradeneeded = () => request.result.createObjectStore(TABLE);
    const database = await answer(request);
    const forget = () => (opened = null);
    database.onclose = forget;
    database.onversionchange = () => {
      forget();
      database.close();
    };
    return database;
  };

  /**
   * @template T
   * @param {IDBTransactionMode} mode
   * @param {(table: IDBObjectStore) => Promise<T>} work
   */
  const transact = async (mode, work) => {
    try {
      opened ??= open();
      const transaction = (await opened).transaction(TABLE, mode);
      const done = completion(transaction);
      const result = work(transaction.objectStore(TABLE));
      await result.catch(() => transaction.abort()); // what was put before the failure must not stay
      await Promise.all([result, done]);
      return await result;
    } catch (cause) {
      opened = null;
      throw new RealTubeError('storage', `the database ${name} cannot be used: ${cause}`, { cause });
    }
  };

  return {
    read: (names) => transact('readonly', (table) => Promise.all(names.map((name) => answer(table.get(name))))),
    write: (entries, expected) =>
      transact('readwrite', async (table) => {
        const state = expected === undefined ? null : await answer(table.get('state'));
        if (expected !== undefined && (state?.version ?? 0) !== expected) return false;
        for (const [name, value] of Object.entries(entries)) table.put(value, name);
        return true;
      }),
  };
}
