/**
 * `npm run bench -- growth`: how time and memory grow with each part of a setup, and what the paper's own runs would cost
 * here, extrapolated from measured steps. Prints two tables and writes sections of reports/bench.json.
 */
import { spawnSync } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { ENGINE_VARIABLE } from '../../../src/engine/engine.ts';
import { threadVariables } from '../../../src/engine/native/threads.ts';
import { PHASES } from '../../../src/passwords/roles.ts';
import { evaluationCount } from '../../../src/recipe/recipe.ts';
import { PRESETS } from '../../../src/setup/presets.ts';
import type { Setup } from '../../../src/setup/schema.ts';
import { negatives, pairs } from '../../../src/setup/sizes.ts';
import { compared, saveSection, startable } from '../report.ts';
import { GROWTH, type PythiaSize, pythiaShapes, SCORED } from '../setups.ts';
import { growthText, paperRunsText } from '../tables.ts';
import type { Cost } from './measure.ts';

const PROGRAM = fileURLToPath(new URL('./measure.ts', import.meta.url));
const COMMAND = 'npm run bench -- growth';

function costOf(setup: Setup, engine: string, phases: readonly string[]): Cost {
  const threads = threadVariables(setup.model.hidden, os.availableParallelism());
  const { status, stdout } = spawnSync(process.execPath, ['--import', 'tsx', PROGRAM, phases.join()], {
    env: { ...threads, ...process.env, [ENGINE_VARIABLE]: engine },
    input: JSON.stringify(setup),
    encoding: 'utf8',
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`measuring ${setup.name} on ${engine} ended with ${status}`);
  return JSON.parse(stdout);
}

/** Seconds that scoring `passwords` passwords takes. */
const scoring = ({ millisecondsPerScoring }: Cost, passwords: number): number =>
  (millisecondsPerScoring * passwords) / SCORED / 1000;

function growth(engines: readonly string[]): void {
  const rows = GROWTH.flatMap(({ knob, values }) =>
    Object.entries(values).map(([value, setup]) => ({
      knob,
      value: Number(value),
      engines: Object.fromEntries(
        engines.map((engine) => {
          const cost = costOf(setup, engine, ['joint']);
          return [engine, { ...cost, referenceSeconds: scoring(cost, negatives(setup) + pairs(setup)) }];
        }),
      ),
    })),
  );
  const section = saveSection('growth', COMMAND, { scoredPasswords: SCORED, rows });
  console.log(growthText(section));
}

/** Model sizes, and the two batches whose steps are measured. */
const PAPER_RUNS: [PythiaSize, small: number, large: number][] = [
  ['70m', 8, 32],
  ['160m', 8, 32],
  ['410m', 4, 16],
];

function paperRuns(engine: string): void {
  const { paper } = PRESETS;
  const rows = PAPER_RUNS.map(([size, small, large]) => {
    const costs = [small, large].map((batch) => costOf(pythiaShapes(size, batch, 30), engine, PHASES));
    const [less, more] = costs;
    // A step costs something of its own (AdamW, say) and something for every sequence.
    const stepSeconds = PHASES.map((phase) => {
      const [a, b] = costs.map(({ millisecondsPerStep }) => (millisecondsPerStep[phase] as number) / 1000);
      const each = (b - a) / (large - small);
      return b + each * (paper.batch - large);
    });
    const steps = PHASES.map((phase) => paper.phases[phase].steps);
    const evaluations = steps.reduce((sum, count) => sum + evaluationCount(paper, count), 0);
    const { heldOut, useful, random } = paper.evaluation;
    const hours = {
      steps: stepSeconds.reduce((sum, seconds, index) => sum + seconds * steps[index], 0) / 3600,
      evaluations: (evaluations * scoring(more, heldOut + useful + random)) / 3600,
      reference: scoring(more, negatives(paper) + pairs(paper)) / 3600,
    };
    return { size, batches: [small, large], measured: [less, more], extrapolatedStepSeconds: stepSeconds, hours };
  });
  const section = saveSection('paperRuns', COMMAND, { engine, extrapolated: true, batch: paper.batch, rows });
  console.log(paperRunsText(section));
}

const engines = await startable(compared());
growth(engines);
if (engines.includes('native')) paperRuns('native');
else console.log("not measured: the paper's own runs, which need the native engine");
