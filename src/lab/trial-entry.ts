/** A few steps of a setup at random weights, in a process of its own: reads the setup from standard input, prints JSON. */
import { readFileSync } from 'node:fs';
import { startEngine } from '../engine/engine.ts';
import { type ParameterValues, parameterSpecifications } from '../model/parameters.ts';
import { PHASES } from '../passwords/roles.ts';
import { stream } from '../random/streams.ts';
import { prefixOf } from '../recipe/recipe.ts';
import { parseSetup, type Setup } from '../setup/schema.ts';
import { score } from '../training/scoring.ts';
import { Session } from '../training/session.ts';

export interface TrialCost {
  /** What one step takes, by phase. */
  readonly seconds: Record<(typeof PHASES)[number], number>;
  readonly secondsPerPassword: number;
  readonly peakBytes: number;
}

/** Numbers like initial weights, made quickly: a few thousand draws over and over. */
function roughValues(setup: Setup): ParameterValues {
  const source = stream(0, 'trial');
  const draws = Float32Array.from({ length: 4099 }, () => source.normal(setup.model.initialDeviation));
  return new Map(
    parameterSpecifications(setup).map(({ name, shape, initial }) => {
      const data = new Float32Array(shape.reduce((size, side) => size * side, 1));
      if (initial === 'ones') data.fill(1);
      else if (initial === 'normal') {
        for (let at = 0; at < data.length; at += draws.length) data.set(draws.subarray(0, data.length - at), at);
      }
      return [name, data];
    }),
  );
}

async function secondsOf(body: () => Promise<unknown>): Promise<number> {
  await body(); // the first time is not like the others
  const started = performance.now();
  await body();
  return (performance.now() - started) / 1000;
}

const engine = await startEngine();
const setup = parseSetup(JSON.parse(readFileSync(0, 'utf8')));
const session = new Session(setup, { engine, start: roughValues(setup), reference: () => -26 });
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
