/** Signed text, and the roots that say whose signatures count. */

import { encodeText, fromBase64, sha256 } from './bytes.js';
import { RealTubeError } from './errors.js';
import { array, exactly, H16, integer, MS, object, parseJson, text, TEXT, wrongField } from './shape.js';

/** @typedef {import('./bytes.js').Bytes} Bytes */

/**
 * @typedef {object} SignedText
 * @property {any} payload an object
 * @property {Bytes} payloadBytes as they were signed
 * @property {{key: string, sig: string}[]} signatures
 * @property {Bytes[]} attachments the lines after the second
 */

export const MAX_ROOT_BYTES = 65536;
const MAX_SIGNATURES = 64;
const NEWLINE = 10;

/**
 * Takes a signed text apart; its signatures are not checked yet.
 * @param {Bytes} bytes
 * @param {string} where for messages
 * @returns {SignedText}
 */
export function readSigned(bytes, where) {
  /** @type {Bytes[]} */
  const lines = [];
  for (let start = 0, end; start < bytes.length; start = end + 1) {
    end = bytes.indexOf(NEWLINE, start);
    if (end < 0) throw new RealTubeError('format', `${where}: its last line does not end`);
    lines.push(bytes.subarray(start, end));
  }
  if (lines.length < 2) throw new RealTubeError('format', `${where}: a signed text needs two lines`);
  const [payload, signatures] = lines.slice(0, 2).map(parseJson);
  if (!object({})(payload)) throw new RealTubeError('format', `${where}: its payload is no object`);
  if (!array(object({ key: TEXT, sig: TEXT }), MAX_SIGNATURES)(signatures)) {
    throw new RealTubeError('format', `${where}: its signatures are none`);
  }
  return {
    payload,
    payloadBytes: lines[0],
    signatures: /** @type {SignedText['signatures']} */ (signatures),
    attachments: lines.slice(2),
  };
}

/**
 * @param {Bytes} publicKey
 * @param {Bytes} signature
 * @param {Bytes} message
 */
async function isSignature(publicKey, signature, message) {
  try {
    const key = await crypto.subtle.importKey('raw', publicKey, 'Ed25519', false, ['verify']);
    return await crypto.subtle.verify('Ed25519', key, signature, message);
  } catch (cause) {
    if (cause instanceof Error && cause.name === 'NotSupportedError') {
      throw new RealTubeError('unsupported', 'this browser does not know Ed25519', { cause });
    }
    return false;
  }
}

/** @typedef {{keys: string[], threshold: number}} Role */

/** A valid root file's payload. */
export class Root {
  /**
   * @param {SignedText} signed
   * @param {string} content the file
   * @param {Map<string, Bytes>} keys
   */
  constructor(signed, content, keys) {
    this.signed = signed;
    this.content = content;
    this.keys = keys;
    /** @type {number} */
    this.version = signed.payload.version;
    /** @type {Role} */
    this.root = signed.payload.root;
    /** @type {Role} */
    this.online = signed.payload.online;
  }

  /**
   * Reads a root file; its signatures are not checked yet.
   * @param {Bytes} bytes
   * @param {number} version the one that it must have
   */
  static async read(bytes, version) {
    const where = `root ${version}`;
    const signed = readSigned(bytes, where);
    const role = object({ keys: array(H16, MAX_SIGNATURES), threshold: integer(1) });
    const wrong = wrongField(signed.payload, {
      v: exactly(1), version: (value) => value === version, created: MS, keys: object({}), root: role, online: role,
    });
    if (wrong) throw new RealTubeError('format', `${where}: ${wrong} is wrong`);

    /** @type {Map<string, Bytes>} */
    const keys = new Map();
    for (const [id, encoded] of Object.entries(signed.payload.keys)) {
      const key = typeof encoded === 'string' ? fromBase64(encoded) : null;
      if (key?.length !== 32 || (await sha256(key)).slice(0, 16) !== id) {
        throw new RealTubeError('format', `${where}: key ${id} is wrong`);
      }
      keys.set(id, key);
    }
    for (const { keys: ids, threshold } of [signed.payload.root, signed.payload.online]) {
      const distinct = new Set(ids);
      if (distinct.size !== ids.length || threshold > ids.length || !ids.every((/** @type {string} */ id) => keys.has(id))) {
        throw new RealTubeError('format', `${where}: a role has other keys than it needs`);
      }
    }
    return new Root(signed, new TextDecoder().decode(bytes), keys);
  }

  /**
   * Checks that enough of a role's keys have signed a text.
   * @param {'root' | 'online'} roleName
   * @param {string} context
   * @param {SignedText} signed
   * @param {string} where for messages
   */
  async check(roleName, context, signed, where) {
    const role = this[roleName];
    const message = encodeText(`${context}\n`);
    const whole = new Uint8Array(message.length + signed.payloadBytes.length);
    whole.set(message);
    whole.set(signed.payloadBytes, message.length);
    const signers = new Set();
    for (const { key: id, sig } of signed.signatures) {
      const key = role.keys.includes(id) ? this.keys.get(id) : undefined;
      const signature = key && !signers.has(id) ? fromBase64(sig) : null;
      if (key && signature && (await isSignature(key, signature, whole))) signers.add(id);
    }
    if (signers.size < role.threshold) {
      throw new RealTubeError('signature', `${where}: ${signers.size} of ${role.threshold} signatures by ${roleName} keys`);
    }
  }
}

/**
 * Reads root n + 1, which both root n and itself must have signed; or root 1, which must have signed itself.
 * @param {Bytes} bytes
 * @param {Root | null} before root n
 */
export async function nextRoot(bytes, before) {
  const root = await Root.read(bytes, (before?.version ?? 0) + 1);
  for (const authority of before ? [before, root] : [root]) {
    await authority.check('root', 'realtube/root/1', root.signed, `root ${root.version}`);
  }
  return root;
}

/** A pinned root: the SHA-256 of root 1 in hex. */
export const FINGERPRINT = text(/^[0-9a-f]{64}$/);
