/** A few steps of a setup at random weights, in a process of its own: reads the setup from standard input, prints JSON. */
import { readFileSync } from 'node:fs';
import { startEngine } from '../engine/engine.ts';
import { PHASES } from '../passwords/roles.ts';
import { prefixOf } from '../recipe/recipe.ts';
import { parseSetup } from '../setup/schema.ts';
import { score } from '../training/scoring.ts';
import { Session } from '../training/session.ts';
import { blindReference } from '../training/step.ts';
import { roughValues } from './trial.ts';

export interface TrialCost {
  /** What one step takes, by phase. */
  readonly seconds: Record<(typeof PHASES)[number], number>;
  readonly secondsPerPassword: number;
  readonly peakBytes: number;
}

async function secondsOf(body: () => Promise<unknown>): Promise<number> {
  await body(); // the first time is not like the others
  const started = performance.now();
  await body();
  return (performance.now() - started) / 1000;
}

const engine = await startEngine();
const setup = parseSetup(JSON.parse(readFileSync(0, 'utf8')));
const session = new Session(setup, { engine, start: roughValues(setup), reference: blindReference(setup) });
const seconds = {} as TrialCost['seconds'];
for (const phase of PHASES) {
  await session.begin(phase);
  seconds[phase] = await secondsOf(() => session.step(0));
}
const passwords = [...session.corpus.negatives, ...session.corpus.chosen];
const prefix = prefixOf(setup, 'regular');
const secondsPerPassword = (await secondsOf(() => score(session.reader, passwords, prefix))) / passwords.length;
const cost: TrialCost = { seconds, secondsPerPassword, peakBytes: process.resourceUsage().maxRSS * 1024 };
process.stdout.write(JSON.stringify(cost));
