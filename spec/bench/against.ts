/**
 * `npm run bench -- against <checkout>`: steps of this source and of another checkout of it, in turn, round after round,
 * so that a machine whose speed drifts slows both alike. Prints a table; writes nothing.
 */
import { existsSync } from 'node:fs';
import path from 'node:path';
import { parseArgs } from 'node:util';
import Table from 'cli-table3';
import { median, quantile } from 'simple-statistics';
import { PHASES } from '../../src/passwords/roles.ts';
import type { Setup } from '../../src/setup/schema.ts';
import type { Round } from './engine-process.ts';
import { Measuring } from './measuring.ts';
import { compared, startable } from './report.ts';
import { NARROW, WIDE } from './setups.ts';

const SIZES: Readonly<Record<string, Setup>> = { narrow: NARROW, wide: WIDE };

const { positionals, values } = parseArgs({
  allowPositionals: true,
  options: { rounds: { type: 'string', default: '21' }, size: { type: 'string', default: 'narrow' } },
});
const [checkout] = positionals;
const rounds = Number(values.rounds);
const setup = Object.hasOwn(SIZES, values.size) ? SIZES[values.size] : undefined;
const program = path.join(checkout ?? '', 'spec', 'bench', 'engine-process.ts');
if (checkout === undefined || !existsSync(program) || !(rounds >= 1) || setup === undefined) {
  process.stderr.write(
    `error: npm run bench -- against <checkout> [--rounds 21] [--size narrow]: ${checkout === undefined ? 'say which checkout' : `${program} must exist, --rounds be at least 1, and --size one of ${Object.keys(SIZES).join(', ')}`}\n`,
  );
  process.exit(2);
}

const table = new Table({
  head: [
    'engine',
    'phase',
    'ms here',
    'ms there',
    'here / there, by round: median',
    'quartiles',
    'step / products here',
    'there',
  ],
  style: { head: [], border: [] },
});
for (const engine of await startable(compared())) {
  const both = [new Measuring(engine, setup), new Measuring(engine, setup, path.resolve(checkout))];
  for (const one of both) await one.ask({ ask: 'train', setup });
  for (const phase of PHASES) {
    for (const one of both) await one.ask({ ask: 'begin', phase });
    const [here, there]: Round[][] = [[], []];
    for (let round = 0; round < rounds; round++) {
      // Each goes first in every other round.
      for (const which of round % 2 === 0 ? [0, 1] : [1, 0]) {
        (which === 0 ? here : there).push(await both[which].ask<Round>({ ask: 'round' }));
      }
    }
    const ratios = here.map(({ step }, round) => step / there[round].step);
    const ofProducts = (measured: Round[]) => median(measured.map(({ step, products }) => step / products));
    const shown = (value: number) => value.toFixed(3);
    const quartiles = [0.25, 0.75].map((share) => shown(quantile(ratios, share)));
    table.push([
      engine,
      phase,
      shown(median(here.map(({ step }) => step))),
      shown(median(there.map(({ step }) => step))),
      shown(median(ratios)),
      quartiles.join(' to '),
      shown(ofProducts(here)),
      shown(ofProducts(there)),
    ]);
  }
  for (const one of both) one.stop();
}
process.stdout.write(`${table.toString()}\n`);
