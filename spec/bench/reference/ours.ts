/** Our side of the yardstick: trains the setup in a process of its own and prints what it took. */
import { readFileSync } from 'node:fs';
import { startEngine } from '../../../src/engine/engine.ts';
import { initialValues } from '../../../src/model/parameters.ts';
import { buildCorpus } from '../../../src/passwords/corpus.ts';
import { parseSetup } from '../../../src/setup/schema.ts';
import { trainToEnd } from '../../../src/training/trainer.ts';

const setup = parseSetup(JSON.parse(readFileSync(process.argv[2], 'utf8')));
const engine = await startEngine();
const corpus = buildCorpus(setup);
const start = initialValues(setup);
let tokens = 0;
// As on the other side, the clock starts once data and initial weights are there.
const started = performance.now();
const { trajectories } = await trainToEnd(setup, { engine, corpus, start }, (event) => {
  if (event.kind === 'step') tokens = event.progress.tokens;
});
const seconds = (performance.now() - started) / 1000;
const losses = Object.fromEntries(Object.entries(trajectories).map(([phase, { total }]) => [phase, total]));
const peakMiB = process.resourceUsage().maxRSS / 1024;
process.stdout.write(
  JSON.stringify({ seconds, tokens, peakMiB, losses, engine: { name: engine.name, version: engine.version } }),
);
