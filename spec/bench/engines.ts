/**
 * `npm run bench`: speed, measured and not asserted. Engines are measured in turn, round after round, so that a machine
 * whose speed drifts slows all alike; prints a table and writes a section of reports/bench.json.
 */
import { fork } from 'node:child_process';
import os from 'node:os';
import { fileURLToPath } from 'node:url';
import { median } from 'simple-statistics';
import { ENGINE_VARIABLE, type Engine } from '../../src/engine/engine.ts';
import { threadVariables } from '../../src/engine/native/threads.ts';
import { PHASES, type Phase } from '../../src/passwords/roles.ts';
import type { Setup } from '../../src/setup/schema.ts';
import type { Phased, Question, Round } from './engine-process.ts';
import { compared, saveSection, startable } from './report.ts';
import { POCKET, pythiaShapes, WIDE } from './setups.ts';
import { speedText } from './tables.ts';

const PROGRAM = fileURLToPath(new URL('./engine-process.ts', import.meta.url));

/** What is measured, and on which engines: on WASM a step of Pythia-160M's shapes takes half a minute. */
const MEASURED: { setup: Setup; engines: string[]; rounds: number }[] = [
  { setup: POCKET, engines: ['native', 'wasm'], rounds: 9 },
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

/** A process that measures one engine at one setup. */
class Measuring {
  readonly name: string;
  readonly #child;
  readonly #ended: Promise<never>;

  constructor(name: string, { model }: Setup) {
    this.name = name;
    const threads = threadVariables(model.hidden, os.availableParallelism());
    const env = { ...threads, ...process.env, [ENGINE_VARIABLE]: name };
    this.#child = fork(PROGRAM, { execArgv: ['--import', 'tsx'], env });
    this.#ended = new Promise((_, reject) => {
      this.#child.once('exit', (code) => reject(new Error(`measuring ${name} ended with ${code}`)));
    });
  }

  ask<Answer>(question: Question): Promise<Answer> {
    const answer = new Promise<Answer>((resolve) => {
      this.#child.once('message', (message) => resolve(message as Answer));
    });
    this.#child.send(question);
    return Promise.race([answer, this.#ended]);
  }

  stop(): void {
    this.#ended.catch(() => {}); // it does end now
    this.#child.kill();
  }
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
