// What benchmarks/browser.py measures: a base in memory becomes rows that can be looked up, in a fresh worker.
onmessage = async ({ data: { modules, files, expected, ids } }) => {
  const [{ readBase }, { Rows }, { indexedDBStore }] = await Promise.all(
    ['base', 'rows', 'stores'].map((name) => import(`${modules}/src/${name}.js`)),
  );
  const [part1, part2] = await Promise.all(
    ['p1', 'p2'].map(async (part) => new Uint8Array(await (await fetch(`${files}/${part}`)).arrayBuffer())),
  );
  const took = {};
  const timed = async (name, work) => {
    const start = performance.now();
    const result = await work();
    took[name] = performance.now() - start;
    return result;
  };
  const base = await timed('decode', () => readBase(part1, part2, expected));
  const rows = new Rows(base);
  await timed('check', () => rows.check(expected.state, expected.n));
  const ROUNDS = 1000;
  const found = await timed('lookup', () => {
    let last;
    for (let round = 0; round < ROUNDS; round++) last = ids.map((id) => rows.find(id));
    return last.filter((value) => value !== null).length;
  });
  took.lookup /= ROUNDS;
  const store = indexedDBStore('benchmark');
  await timed('write', () => store.write({ base }));
  await timed('read', () => store.read(['base']));
  const resident = [base.hi, base.lo, base.scores, base.flags].reduce((sum, { buffer }) => sum + buffer.byteLength, 0);
  postMessage({ took, found, resident });
};
