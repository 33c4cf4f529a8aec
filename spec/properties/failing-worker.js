// A worker for spec/cli/fuzz.spec.ts: finds a failure of data/pairs at once, and shrinks one of training/ln-2 for ever.
const setup = { name: 'failing' };

export default async function work({ chunk: { properties, runs } }) {
  const send = (event) => process.send(event);
  if (properties.includes('training/ln-2') && properties.length === 1) {
    send({ setup: true });
    send({ failure: { property: 'training/ln-2', setup, message: 'large' } });
    send({ failure: { property: 'training/ln-2', setup, message: 'smaller' } });
    await new Promise(() => setInterval(() => {}, 1_000));
  }
  if (properties.includes('data/pairs')) {
    const failure = { property: 'data/pairs', setup, message: 'wrong' };
    send({ failure });
    return { setups: 1, shrinks: 1, failure: { ...failure, replay: { seed: 7, path: '0:1' } } };
  }
  for (let run = 0; run < runs; run++) send({ setup: true });
  return { setups: runs, shrinks: 0, failure: null };
}
