/** Our side of the yardstick: trains the setup in a process of its own and prints what it took. */
import { readFileSync } from 'node:fs';
import { startEngine } from '../../../src/engine/engine.ts';
import { parseSetup } from '../../../src/setup/schema.ts';
import { train } from '../../../src/training/trainer.ts';

const setup = parseSetup(JSON.parse(readFileSync(process.argv[2], 'utf8')));
const engine = await startEngine();
let tokens = 0;
const started = performance.now();
const { trajectories } = await train(setup, {
  onProgress: (progress) => {
    tokens = progress.tokens;
  },
});
const seconds = (performance.now() - started) / 1000;
const losses = Object.fromEntries(Object.entries(trajectories).map(([phase, { total }]) => [phase, total]));
const peakMiB = process.resourceUsage().maxRSS / 1024;
process.stdout.write(JSON.stringify({ seconds, tokens, peakMiB, losses, engine }));
