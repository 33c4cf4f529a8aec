/** The command `show`: a setup as a whole, its identity, and what a run of it costs here. */
import { type EngineName, startEngine } from '../engine/engine.ts';
import { inWords, measureRun, PlanError, passesOf } from '../lab/plan.ts';
import { parameterCount } from '../model/specifications.ts';
import { deviations } from '../setup/deviations.ts';
import { setupHash } from '../setup/hash.ts';
import { resolveSetup } from '../setup/overrides.ts';
import type { Setup } from '../setup/schema.ts';
import { type Define, EXIT } from './exit.ts';
import { configOption, jsonOption, repeated } from './options.ts';

interface Flags {
  set: string[];
  config?: string;
  cost: boolean;
  json: boolean;
}

/** What a run costs, or why it cannot be had here. */
type Cost = { readonly engine: string } & (
  | { readonly seconds: number; readonly peakBytes: number }
  | { readonly why: string }
);

/** Measured with a few steps on the engine that would train it. */
async function costOf(setup: Setup): Promise<Cost> {
  const { name } = await startEngine(undefined, setup.model.hidden);
  try {
    return { engine: name, ...measured(setup, name) };
  } catch (error) {
    if (error instanceof PlanError) return { engine: name, why: error.message };
    throw error;
  }
}

function measured(setup: Setup, name: EngineName): { seconds: number; peakBytes: number } {
  const { runSeconds, peakBytes } = measureRun(setup, name, passesOf([setup], name, 1, null));
  return { seconds: runSeconds, peakBytes };
}

const costText = (cost: Cost): string =>
  'why' in cost
    ? `a run on ${cost.engine} cannot be had here: ${cost.why}`
    : `a run takes about ${inWords(cost.seconds)} on ${cost.engine} here, from a few measured steps`;

async function show(preset = 'pocket', { set, config, cost: asked, json }: Flags): Promise<number> {
  const setup = resolveSetup({ preset, set, config });
  const hash = setupHash(setup);
  const parameters = parameterCount(setup);
  const differing = deviations(setup).map(({ field }) => field);
  const cost = asked ? await costOf(setup) : null;
  if (json) {
    process.stdout.write(`${JSON.stringify({ setup, hash, parameters, deviations: differing, cost })}\n`);
    return EXIT.reproduced;
  }
  // The setup alone goes to standard output: `show pocket > mine.json` makes a file for --config.
  process.stdout.write(`${JSON.stringify(setup, null, 2)}\n`);
  const about = [
    `hash, with the seed ${setup.seed}: ${hash}`,
    `parameters: ${parameters.toLocaleString('en')}`,
    `fields that differ from the paper's: ${differing.length === 0 ? 'none' : differing.join(', ')}`,
    ...(cost === null ? [] : [costText(cost)]),
  ];
  process.stderr.write(`${about.join('\n')}\n`);
  return EXIT.reproduced;
}

export const showCommand: Define = (command, ending) =>
  command
    .option('--set <path=value>', 'change a field of the setup, such as beta=0.1; repeatable', repeated, [])
    .addOption(configOption)
    .option('--no-cost', 'measure nothing')
    .addOption(jsonOption)
    .action(ending(show));
