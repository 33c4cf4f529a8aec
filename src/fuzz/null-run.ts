/** `npm run fuzz:null -- [experiments on recorded runs] [experiments trained here]`: the error rate of the main claim on real runs. */
import Table from 'cli-table3';
import { startEngine } from '../engine/engine.ts';
import { ARCHIVES_WITH_LETTERS, mostAllowed, NOMINAL, nullWorlds, tryNull } from './null.ts';

const [recorded, trained] = [process.argv[2] ?? '400', process.argv[3] ?? '40'].map(Number);
if (![recorded, trained].every((count) => Number.isInteger(count) && count >= 1 && count <= 1e6)) {
  process.stderr.write('error: npm run fuzz:null -- 400 40 takes two numbers of experiments, each from 1\n');
  process.exit(2);
}
await startEngine();
const head = [
  'nothing to find',
  'experiments',
  'reproduced',
  'not reproduced',
  'inconclusive',
  'rate',
  'nominal',
  'at most',
];
const table = new Table({ head, style: { head: [], border: [] } });
let broken = 0;
for (const world of await nullWorlds(ARCHIVES_WITH_LETTERS)) {
  const experiments = world.id.endsWith('trained here') ? trained : recorded;
  const { verdicts } = await tryNull(world, experiments);
  const rate = verdicts.reproduced / experiments;
  if (rate > mostAllowed(experiments)) broken += 1;
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
process.exitCode = broken > 0 ? 1 : 0;
