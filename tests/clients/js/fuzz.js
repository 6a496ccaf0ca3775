// The body of an async function of (realtube, scope, args): fuzzes the client with one history of benchmarks/tales.py.
// Answers with how syncs ended, or throws with what a record held that it must not hold.
const { tale, seed, syncs, clients } = args;
const { ticks, root, categories } = tale;
const bytesOf = (text) => Uint8Array.from(atob(text), (letter) => letter.charCodeAt(0));
const objects = new Map(Object.entries(tale.objects).map(([key, text]) => [key, bytesOf(text)]));
const heads = ticks.map(({ text }) => bytesOf(text));
const keys = [...objects.keys()];
const FAULTS = ['lost', 'missing', 'busy', 'cut', 'flipped', 'swapped', 'longer', 'page', 'behind', 'whole'];

let state = seed >>> 0;
/** From 0 to 1: mulberry32. */
const random = () => {
  state = (state + 0x6d2b79f5) >>> 0;
  let t = Math.imul(state ^ (state >>> 15), 1 | state);
  t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
  return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
};
const below = (count) => Math.floor(random() * count);
const pick = (list) => list[below(list.length)];

const spoil = (fault, body, key) => {
  const page = new TextEncoder().encode('<html>\n<p>Log in\n');
  if (fault === 'cut') return body.subarray(0, below(body.length + 1));
  if (fault === 'flipped' && body.length) {
    const flipped = body.slice();
    flipped[below(body.length)] ^= 1 << below(8);
    return flipped;
  }
  if (fault === 'swapped') return key === 'v1/head' ? page : objects.get(pick(keys)); // commits of later ticks are heads
  if (fault === 'longer') return Uint8Array.from([...body, ...Array.from({ length: 1 + below(200) }, () => below(256))]);
  return fault === 'page' ? page : body;
};

/** A network: origin i is at tick places[i] and goes wrong at rates[i]. */
const network = (places, rates) => async (url, { headers, cache, signal }) => {
  signal.throwIfAborted();
  const [, origin, key] = /^http:\/\/origin-(\d)\/(.*)$/.exec(url);
  const place = places[origin];
  const fault = random() < rates[origin] ? pick(FAULTS) : '';
  if (fault === 'lost') throw new TypeError('the connection is lost');
  if (fault === 'busy') return new Response('later', { status: 503 });
  let body = key === 'v1/head' ? heads[place] : objects.get(key);
  if (body === undefined || fault === 'missing') return new Response('', { status: 404 });
  if (fault === 'behind' && cache !== 'reload') body = key === 'v1/head' ? heads[below(place + 1)] : new Uint8Array();
  body = spoil(fault, body, key);
  const range = /^bytes=0-(\d+)$/.exec(headers.Range ?? '');
  if (!range || random() < 0.2 || fault === 'whole') return new Response(body); // a server may ignore Range
  return new Response(body.subarray(0, Number(range[1]) + 1), { status: 206 });
};

const ids = [...new Set(ticks.flatMap(({ rows }) => rows.map(([id]) => id)))].sort();
const truths = ticks.map(({ rows, killed }) => {
  const byId = new Map(rows.map(([id, ...values]) => [id, values.join()]));
  return ids.map((id) => (killed.includes(id) ? 'hidden' : (byId.get(id) ?? ''))).join(';');
});
const valueOf = ({ score, flags, locked, priorOnly, hidden }) =>
  hidden
    ? 'hidden'
    : `${score},${categories.reduce((bits, name, i) => bits + (flags[name] << i), 64 * locked + 128 * priorOnly)}`;
const told = (record) => record.lookup(ids).map((verdict) => (verdict === null ? '' : valueOf(verdict))).join(';');
const placeOf = ({ gen, seq }) => (seq === null ? null : ticks.findIndex((tick) => tick.gen === gen && tick.seq === seq));

const counts = {};
const count = (word) => (counts[word] = (counts[word] ?? 0) + 1);
const stores = [];

for (let step = 0; step < syncs; step++) {
  const where = `seed ${seed}, sync ${step}`;
  const now = 1 + Math.floor((step * (ticks.length - 1)) / syncs);
  const client = below(clients);
  if (random() < 0.03) stores[client] = undefined;
  const store = (stores[client] ??= realtube.memoryStore());
  const sound = random() < 0.4;
  const places = [sound || random() < 0.7 ? now : below(now + 1), ...Array.from({ length: pick([0, 0, 1, 2]) }, () => below(now + 1))];
  const rates = places.map(() => (sound ? 0 : pick([0.05, 0.3, 0.8])));
  const origins = places.map((_, i) => `http://origin-${i}`);
  const skew = (random() - 0.5) * 2e11;
  const open = () =>
    realtube.openRecord({ origins, root, store, fetch: network(places, rates), now: () => ticks[now].ts + skew, random });
  let record = await open();
  const held = placeOf(record.status());
  const before = told(record);
  const reopen = random() < 0.3;
  const error = await record.sync().then(({ how }) => how.split('+').forEach(count), (caught) => caught);
  if (reopen) record = await open(); // as a page that is loaded anew reads it
  const place = placeOf(record.status());
  const after = told(record);
  if (error) {
    if (error.name !== 'RealTubeError') throw new Error(`${where}: ${error.stack}`);
    if (sound) throw new Error(`${where}: a sound origin was not followed: ${error.message}`);
    if (place !== held) throw new Error(`${where}: a failure led from ${held} to ${place}`);
    // A kill list counts from the poll that brings it, whatever becomes of the rows.
    const shown = (text, other) => text.split(';').filter((_, i) => ![text, other].some((all) => all.split(';')[i] === 'hidden'));
    if (shown(before, after).join() !== shown(after, before).join()) throw new Error(`${where}: a failure changed what is held`);
    count(error.code);
    continue;
  }
  if (place === null || place < (held ?? 0)) throw new Error(`${where}: went back from ${held} to ${place}`);
  if (sound && place !== now) throw new Error(`${where}: arrived at ${place}, the newest is ${now}`);
  if (after !== truths[place]) throw new Error(`${where}: other rows than tick ${ticks[place].seq} published`);
}
return counts;
