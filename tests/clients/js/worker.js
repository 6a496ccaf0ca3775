// Runs what the tests send: the body of an async function of (realtube, scope, args), where `scope` outlives it.
const AsyncFunction = (async () => {}).constructor;
const scope = {};

onmessage = async ({ data: { module, body, args } }) => {
  try {
    const realtube = await import(module);
    postMessage({ value: await new AsyncFunction('realtube', 'scope', 'args', body)(realtube, scope, args) });
  } catch (error) {
    const { name, message, code, evidence, nextPollMs, stack } = error;
    postMessage({ error: { name, message, code, evidence, nextPollMs, stack } });
  }
};
