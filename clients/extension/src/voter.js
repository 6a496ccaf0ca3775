/** Who votes: a random id that stays here, and the one that is made of it and sent. */

const ROUNDS = 5000;

/** @param {ArrayBuffer} bytes */
const hex = (bytes) => Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, '0')).join('');

/**
 * The id that is sent: rounds of SHA-256, each over the hex text of the one before.
 * @param {string} localId
 * @returns {Promise<string>} 64 hex digits
 */
export async function sentId(localId) {
  const encoder = new TextEncoder();
  let text = localId;
  for (let round = 0; round < ROUNDS; round++) {
    text = hex(await crypto.subtle.digest('SHA-256', encoder.encode(text)));
  }
  return text;
}

/** @type {Promise<string> | null} */
let known = null;

async function readOrMake() {
  const { voter } = await chrome.storage.local.get('voter');
  if (voter) return voter.sentId;
  const localId = crypto.randomUUID();
  const made = { localId, sentId: await sentId(localId) };
  await chrome.storage.local.set({ voter: made });
  return made.sentId;
}

/** This installation's sent id, made when it is first needed. Whoever knows it can change its votes. */
export function voterId() {
  known ??= readOrMake().catch((error) => {
    known = null;
    throw error;
  });
  return known;
}
