/**
 * `npm run bench`: speed, measured and not asserted. Engines are measured in turn, round after round, so that a machine
 * whose speed drifts slows all alike; prints a table and writes a section of reports/bench.json.
 */
import { median } from 'simple-statistics';
import type { Engine } from '../../src/engine/engine.ts';
import { PHASES, type Phase } from '../../src/passwords/roles.ts';
import type { Setup } from '../../src/setup/schema.ts';
import type { Phased, Round } from './engine-process.ts';
import { Measuring } from './measuring.ts';
import { compared, saveSection, startable } from './report.ts';
import { NARROW, pythiaShapes, WIDE } from './setups.ts';
import { speedText } from './tables.ts';

/** What is measured, and on which engines: on WASM a step of Pythia-160M's shapes takes half a minute. */
const MEASURED: { setup: Setup; engines: string[]; rounds: number }[] = [
  { setup: NARROW, engines: ['native', 'wasm'], rounds: 9 },
  { setup: WIDE, engines: ['native', 'wasm'], rounds: 9 },
  { setup: pythiaShapes('160m', 32, 30), engines: ['native'], rounds: 3 },
];

interface Row {
  setup: string;
  phase: Phase;
  engine: string;
  sequences: number;
  millisecondsPerStep: number;
  tokensPerSecond: number;
  productMilliseconds: number;
  productGigaflopsPerSecond: number;
  shareOfMatrixRate: number;
  speedRelativeToWasm: number | null;
  peakMemoryMiB: number;
}

async function measurePhase(
  processes: readonly Measuring[],
  setup: Setup,
  phase: Phase,
  rounds: number,
): Promise<Row[]> {
  const about: Phased[] = [];
  for (const process of processes) about.push(await process.ask<Phased>({ ask: 'begin', phase }));
  const measured: Round[][] = processes.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [index, process] of processes.entries())
      measured[index].push(await process.ask<Round>({ ask: 'round' }));
  }
  const wasm = measured[processes.findIndex(({ name }) => name === 'wasm')];
  return processes.map(({ name }, index) => {
    const over = (value: (round: Round, number: number) => number) => median(measured[index].map(value));
    const { sequences, tokens, flops } = about[index];
    const [step, products] = [over((round) => round.step), over((round) => round.products)];
    return {
      setup: setup.name,
      phase,
      engine: name,
      sequences,
      millisecondsPerStep: step,
      tokensPerSecond: (1000 * tokens) / step,
      productMilliseconds: products,
      productGigaflopsPerSecond: flops / products / 1e6,
      shareOfMatrixRate: over((round) => round.products / round.step),
      speedRelativeToWasm: wasm === undefined ? null : over((round, number) => wasm[number].step / round.step),
      peakMemoryMiB: measured[index][rounds - 1].peakMemoryMiB,
    };
  });
}

const starting = await startable(compared());
const versions = new Map<string, string>();
const rows: Row[] = [];
for (const { setup, engines, rounds } of MEASURED) {
  const processes = engines.filter((name) => starting.includes(name)).map((name) => new Measuring(name, setup));
  for (const process of processes) {
    versions.set(process.name, (await process.ask<Engine>({ ask: 'train', setup })).version);
  }
  for (const phase of PHASES) rows.push(...(await measurePhase(processes, setup, phase, rounds)));
  for (const process of processes) process.stop();
}

const section = saveSection('speed', 'npm run bench', { versions: Object.fromEntries(versions), rows });
console.log(speedText(section));
