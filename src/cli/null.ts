/** `fuzz --null` on the command line: the error rate of the main claim on real runs in which there is nothing to find. */
import Table from 'cli-table3';
import { ARCHIVES_WITH_LETTERS, mostAllowed, NOMINAL, nullWorlds, tryNull } from '../calibration/null.ts';
import { startEngine } from '../engine/engine.ts';

/** How many experiments. */
export interface NullExperiments {
  /** On recorded runs. */
  readonly recorded: number;
  /** On runs that are trained here. */
  readonly trained: number;
}

const HEAD = [
  'nothing to find',
  'experiments',
  'reproduced',
  'not reproduced',
  'inconclusive',
  'rate',
  'nominal',
  'at most',
];

/** @returns whether the main claim finds what is not there no more often than its rule allows */
export async function nullCommand({ recorded, trained }: NullExperiments): Promise<boolean> {
  await startEngine();
  const table = new Table({ head: HEAD, style: { head: [], border: [] } });
  let holds = true;
  for (const world of await nullWorlds(ARCHIVES_WITH_LETTERS)) {
    const experiments = world.id.endsWith('trained here') ? trained : recorded;
    const { verdicts } = await tryNull(world, experiments);
    const rate = verdicts.reproduced / experiments;
    if (rate > mostAllowed(experiments)) holds = false;
    table.push([
      world.id,
      experiments,
      verdicts.reproduced,
      verdicts['not reproduced'],
      verdicts.inconclusive,
      rate.toFixed(3),
      NOMINAL,
      mostAllowed(experiments).toFixed(3),
    ]);
    process.stderr.write(`${world.id}: ${verdicts.reproduced} of ${experiments}\n`);
  }
  process.stdout.write(`${table.toString()}\n`);
  return holds;
}
