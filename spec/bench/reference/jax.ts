/**
 * Beside JAX: steps of its program and of our engines in turn, round after round, so that a machine whose speed drifts
 * slows all alike; each program's share of what the cores can do; and how far apart the losses of whole runs are.
 */
import os from 'node:os';
import { median, quantile } from 'simple-statistics';
import { PHASES, type Phase } from '../../../src/passwords/roles.ts';
import type { Phased, Rates, Steps } from '../engine-process.ts';
import { type Asked, Measuring } from '../measuring.ts';
import { pythiaShapes } from '../setups.ts';
import type { Jax } from '../tables.ts';
import { vectorRate } from './peak.ts';
import { JaxInTurn } from './python.ts';
import { type Job, lossesApart, type Result } from './whole-runs.ts';

/** Milliseconds of a step of a phase, by program and round. */
async function inTurn(programs: readonly Asked[], rounds: number): Promise<number[][]> {
  const taken: number[][] = programs.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (let turn = 0; turn < programs.length; turn++) {
      const which = (round + turn) % programs.length; // another one goes first in each round
      taken[which].push((await programs[which].ask<Steps>({ ask: 'steps' })).step);
    }
  }
  return taken;
}

/** The better of two measurements of each rate. */
const better = (rates: Rates, others: Rates): Rates => ({
  ...rates,
  ...Object.fromEntries(Object.entries(others).map(([name, rate]) => [name, Math.max(rate, rates[name] ?? 0)])),
});

const relative = (ratios: readonly number[]) => ({
  median: median([...ratios]),
  quartiles: [quantile([...ratios], 0.25), quantile([...ratios], 0.75)] as const,
});

/** @param ours a whole run of each engine; at least one */
export async function besideJax(
  job: Job,
  python: string,
  ours: ReadonlyMap<string, Result>,
  rounds: number,
): Promise<Omit<Jax, 'command' | 'environment' | 'steps'>> {
  const { setup } = job;
  const whole = job.jax(python);
  const apart = new Map([...ours].map(([engine, result]) => [engine, lossesApart(result, whole)]));
  const engines = [...ours.keys()].map((engine) => new Measuring(engine, setup));
  const jax = [os.availableParallelism(), 1].map((threads) => new JaxInTurn(python, job.folder, threads));
  const programs: readonly Asked[] = [...engines, ...jax];
  // The engine divides a large product among threads only where the model is wide.
  const wide = new Measuring(engines[0].name, pythiaShapes('160m', 1, 1));
  const vector = vectorRate();
  let peak: Rates = {};
  let vectorPeak = 0;
  const measured: { phase: Phase; flops: number; taken: number[][] }[] = [];
  try {
    for (const engine of engines) await engine.ask({ ask: 'train', setup });
    for (const phase of PHASES) {
      for (const process of [jax[0], wide]) peak = better(peak, await process.ask<Rates>({ ask: 'peak' }));
      vectorPeak = Math.max(vectorPeak, vector());
      const about: Phased[] = [];
      for (const program of programs) about.push(await program.ask<Phased>({ ask: 'begin', phase }));
      measured.push({ phase, flops: about[0].flops, taken: await inTurn(programs, rounds) });
    }
  } finally {
    for (const program of [...programs, wide]) program.stop();
  }
  const cores = Math.max(...Object.values(peak));
  return {
    rounds,
    version: whole.version,
    compileSeconds: whole.compileSeconds,
    peakGigaflopsPerSecond: peak,
    vectorGigaflopsPerSecond: vectorPeak,
    rows: measured.flatMap(({ phase, flops, taken }) => {
      const ofJax = taken.slice(engines.length);
      const reference = ofJax.reduce((a, b) => (median(a) <= median(b) ? a : b));
      return programs.map(({ name }, which) => {
        const milliseconds = median(taken[which]);
        const rate = flops / milliseconds / 1e6;
        return {
          phase,
          program: which < engines.length ? `ours, ${name}` : name,
          millisecondsPerStep: milliseconds,
          relativeToJax: relative(taken[which].map((step, round) => step / reference[round])),
          productGigaflopsPerSecond: rate,
          shareOfPeak: rate / cores,
          shareOfVectorPeak: name === 'wasm' ? rate / vectorPeak : null,
          largestRelativeLossDifference: apart.get(name)?.[phase] ?? null,
        };
      });
    }),
    runs: [['JAX', whole] as const, ...[...ours].map(([name, result]) => [`ours, ${name}`, result] as const)].map(
      ([program, { seconds, tokens, peakMiB }]) => ({ program, seconds, tokens, peakMiB }),
    ),
  };
}
