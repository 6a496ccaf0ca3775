/** RealTube for browsers: a signed record of which videos are AI-made, kept up to date. One import, no dependencies. */

export { RealTubeError } from './src/errors.js';
export { CATEGORIES, openRecord } from './src/record.js';
export { indexedDBStore, memoryStore } from './src/stores.js';
