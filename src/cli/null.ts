/** `fuzz --null`: the error rate of the main claim on real runs in which there is nothing to find. */
import { startEngine } from '../engine/engine.ts';
import { plainTable } from '../report/table.ts';
import { EXIT } from './exit.ts';
import { parseWhole, UsageError } from './options.ts';

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

/**
 * @param text two numbers of experiments, on recorded runs and on runs that are trained here
 * @returns the exit code: whether the main claim finds what is not there no more often than its rule allows
 */
export async function fuzzNull(text: string): Promise<number> {
  const [recorded, trained, ...rest] = text.split(',').map((part) => parseWhole(part, '--null', 1, 1e6));
  if (trained === undefined || rest.length > 0)
    throw new UsageError(
      `--null: "${text}" must be two numbers of experiments, on recorded runs and on runs trained here`,
    );
  const { ARCHIVES_WITH_LETTERS, mostAllowed, NOMINAL, nullWorlds, tryNull } = await import('../properties/null.ts');
  const engine = await startEngine();
  const rows: (string | number)[][] = [];
  let holds = true;
  for (const world of await nullWorlds(ARCHIVES_WITH_LETTERS, engine)) {
    const experiments = world.id.endsWith('trained here') ? trained : recorded;
    const verdicts = await tryNull(world, experiments);
    const rate = verdicts.reproduced / experiments;
    const most = mostAllowed(experiments);
    if (rate > most) holds = false;
    rows.push([
      world.id,
      experiments,
      verdicts.reproduced,
      verdicts['not reproduced'],
      verdicts.inconclusive,
      rate.toFixed(3),
      NOMINAL,
      most.toFixed(3),
    ]);
    process.stderr.write(`${world.id}: ${verdicts.reproduced} of ${experiments}\n`);
  }
  process.stdout.write(`${plainTable(HEAD, rows)}\n`);
  return holds ? EXIT.reproduced : EXIT.notReproduced;
}
