/** What one setup costs on one engine, in a process of its own: prints JSON. The setup is read from standard input. */
import { readFileSync } from 'node:fs';
import { median } from 'simple-statistics';
import { startEngine } from '../../../src/engine/engine.ts';
import { parameterCount } from '../../../src/model/parameters.ts';
import type { Phase } from '../../../src/passwords/roles.ts';
import { prefixOf } from '../../../src/recipe/recipe.ts';
import { parseSetup } from '../../../src/setup/schema.ts';
import { score } from '../../../src/training/scoring.ts';
import { Session } from '../../../src/training/session.ts';
import { blindReference } from '../../../src/training/step.ts';
import { SCORED } from '../setups.ts';

export interface Cost {
  parameters: number;
  /** Drawing the corpus and the initial weights. */
  preparationSeconds: number;
  /** Median, by phase that was asked for. */
  millisecondsPerStep: Partial<Record<Phase, number>>;
  /** Scoring `SCORED` passwords: evaluations and the reference model's log-probabilities are made of such calls. */
  millisecondsPerScoring: number;
  peakMemoryMiB: number;
}

/** Calls are repeated for this long, and at least so often. */
const MILLISECONDS = 1500;
const LEAST = 3;

async function repeated(body: () => Promise<unknown>): Promise<number> {
  for (let warmup = 0; warmup < 2; warmup++) await body();
  const times: number[] = [];
  const started = performance.now();
  while (times.length < LEAST || performance.now() - started < MILLISECONDS) {
    const before = performance.now();
    await body();
    times.push(performance.now() - before);
  }
  return median(times);
}

const [phases] = process.argv.slice(2);
const engine = await startEngine();
const setup = parseSetup(JSON.parse(readFileSync(0, 'utf8')));
const started = performance.now();
const trainee = new Session(setup, { engine, reference: blindReference(setup) });
const preparationSeconds = (performance.now() - started) / 1000;
const millisecondsPerStep: Cost['millisecondsPerStep'] = {};
for (const phase of phases.split(',') as Phase[]) {
  await trainee.begin(phase);
  let steps = 0;
  millisecondsPerStep[phase] = await repeated(() => trainee.step(steps++ % setup.phases[phase].steps));
}
const { chosen } = trainee.corpus;
const passwords = Array.from({ length: SCORED }, (_, index) => chosen[index % chosen.length]);
const millisecondsPerScoring = await repeated(() => score(trainee.reader, passwords, prefixOf(setup, 'regular')));
const cost: Cost = {
  parameters: parameterCount(setup),
  preparationSeconds,
  millisecondsPerStep,
  millisecondsPerScoring,
  peakMemoryMiB: process.resourceUsage().maxRSS / 1024,
};
process.stdout.write(JSON.stringify(cost));
