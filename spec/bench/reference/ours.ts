/** Our side of the yardstick: trains the setup in a process of its own and prints what it took. */
import { readFileSync } from 'node:fs';
import { startEngine } from '../../../src/engine/engine.ts';
import { buildCorpus } from '../../../src/passwords/corpus.ts';
import { openLedger } from '../../../src/passwords/ledger.ts';
import { scratchTokenIds } from '../../../src/passwords/tokens.ts';
import { parseSetup } from '../../../src/setup/schema.ts';
import { initialState, train } from '../../../src/training/trainer.ts';

const setup = parseSetup(JSON.parse(readFileSync(process.argv[2], 'utf8')));
const engine = await startEngine();
const corpus = buildCorpus(setup);
const from = initialState(setup, openLedger(corpus, scratchTokenIds(setup)));
let tokens = 0;
// As on the other side, the clock starts once data and initial weights are there.
const started = performance.now();
const { trajectories } = await train(setup, {
  corpus,
  from,
  onProgress: (progress) => {
    tokens = progress.tokens;
  },
});
const seconds = (performance.now() - started) / 1000;
const losses = Object.fromEntries(Object.entries(trajectories).map(([phase, { total }]) => [phase, total]));
const peakMiB = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify({ seconds, tokens, peakMiB, losses, engine }));
