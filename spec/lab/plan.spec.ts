import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import {
  expectationText,
  inWords,
  isLarge,
  measureRun,
  memoryNeeded,
  PlanError,
  planMemory,
} from '../../src/lab/plan.ts';
import { parameterCount } from '../../src/model/parameters.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { ENGINES_HERE } from '../helpers/engines.ts';
import { asLlama, tinySetup } from '../helpers/setups.ts';

const GIB = 2 ** 30;
const { paper, 'pocket-memorising': pocket } = PRESETS;

describe('the models that are planned for', () => {
  it.each([
    ['paper-70m', 70_426_624],
    ['paper', 162_322_944],
    ['paper-410m', 405_334_016],
    ['paper-1b', 1_011_781_632],
  ] as const)('%s has the %i parameters of its Pythia', (preset, count) => {
    expect(parameterCount(PRESETS[preset])).toBe(count);
    expect(isLarge(PRESETS[preset])).toBe(true);
  });

  it('are not those that fit anywhere', () => {
    expect(isLarge(pocket)).toBe(false);
  });
});

describe('the memory that a run needs', () => {
  it('is that of the steps which `npm run bench -- growth` measured, or up to a third more', () => {
    // [preset, sequences of each kind, MiB that the process had at its most], from the table in reports/speed.md.
    for (const [preset, batch, measured] of [
      ['paper-70m', 32, 5089],
      ['paper', 32, 11_678],
      ['paper-410m', 16, 17_492],
    ] as const) {
      const need = memoryNeeded({ ...PRESETS[preset], batch }, 'native').process / 2 ** 20;
      expect(need / measured, preset).toBeGreaterThan(0.9);
      expect(need / measured, preset).toBeLessThan(1.34);
    }
  });

  it('of a Llama is what its steps took, or up to a third more', () => {
    const setup = { ...structuredClone(paper), batch: 32 };
    asLlama(setup, {
      ...{ pretrained: null, hidden: 576, layers: 8, heads: 9, keyValueHeads: 3, intermediateFactor: 1536 / 576 },
      ...{ vocabulary: 2000, tiedEmbeddings: true },
    });
    // MiB at its most, by spec/bench/growth/measure.ts on `native`, phase joint.
    const need = memoryNeeded(setup, 'native').process / 2 ** 20 / 3739;
    expect(need).toBeGreaterThan(0.9);
    expect(need).toBeLessThan(1.34);
  });

  it('is what the real steps of `npm run bench -- paper` took, within a tenth', () => {
    const bench = JSON.parse(readFileSync(new URL('../../reports/bench.json', import.meta.url), 'utf8'));
    const { setup, peakBytes } = bench['paper-160m'];
    const need = memoryNeeded(paper, 'native', setup.microBatch).process;
    expect(Math.abs(need / peakBytes - 1)).toBeLessThan(0.1);
  });

  it('falls with the passes, but not below the parameters, their gradients and the optimiser', () => {
    for (const engine of ['native', 'wasm', 'cpu'] as const) {
      const needs = [64, 16, 4, 1].map((microBatch) => memoryNeeded(paper, engine, microBatch).process);
      expect(needs).toEqual(needs.toSorted((a, b) => b - a));
      expect(needs[3]).toBeGreaterThan(4 * 4 * parameterCount(paper));
    }
  });
});

describe('a plan', () => {
  it('takes a whole step at once where it fits', () => {
    expect(planMemory([paper], 'native', 512 * GIB).microBatch).toBeNull();
  });

  it('takes the largest passes that fit, of all the setups of a job', () => {
    const { microBatch, need } = planMemory([paper], 'native', 24 * GIB);
    expect(need).toEqual(memoryNeeded(paper, 'native', microBatch));
    expect(need.process).toBeLessThanOrEqual(0.85 * 24 * GIB);
    expect(memoryNeeded(paper, 'native', 2 * (microBatch as number)).process).toBeGreaterThan(0.85 * 24 * GIB);
    const withLarger = planMemory([paper, PRESETS['paper-410m']], 'native', 24 * GIB).microBatch as number;
    expect(withLarger).toBeLessThan(microBatch as number);
  });

  it('keeps WASM within what it can address: Pythia-160M in small passes, 410M not at all', () => {
    const { microBatch, need } = planMemory([paper], 'wasm', 64 * GIB);
    expect(microBatch).toBeGreaterThanOrEqual(1);
    expect(need.heap).toBeLessThanOrEqual(0.75 * 4 * GIB);
    expect(() => planMemory([PRESETS['paper-410m']], 'wasm', 512 * GIB)).toThrow(PlanError);
    expect(() => planMemory([PRESETS['paper-1b']], 'wasm', 512 * GIB)).toThrow(
      /paper-1b \(1012 million parameters\) needs [\d.]+ GiB of WASM memory in passes of 1 sequence, and there are 4\.0 GiB.*negative-knowledge engine native/,
    );
  });

  it('refuses what cannot fit, with the figures', () => {
    expect(() => planMemory([paper], 'native', 2 * GIB)).toThrow(
      /paper \(162 million parameters\) needs [\d.]+ GiB of memory in passes of 1 sequence on native, and a run has 1\.7 GiB/,
    );
  });

  it('holds to the passes that are asked for, or refuses them', () => {
    expect(planMemory([paper], 'native', 512 * GIB, 4).microBatch).toBe(4);
    expect(() => planMemory([paper], 'native', 16 * GIB, 128)).toThrow(/in passes of 128 sequences/);
  });
});

describe('what a run is expected to cost', () => {
  it.each(ENGINES_HERE)('is measured in a few steps on %s', (engine) => {
    const setup = tinySetup();
    const { secondsPerStep, runSeconds, peakBytes } = measureRun(setup, engine, 2);
    const steps = 4 * secondsPerStep.pretrain + 6 * secondsPerStep.dpo + 8 * secondsPerStep.joint;
    expect(Math.min(...Object.values(secondsPerStep))).toBeGreaterThan(0);
    expect(runSeconds).toBeGreaterThan(steps);
    expect(runSeconds).toBeLessThan(600);
    expect(peakBytes).toBeGreaterThan(50e6);
  });

  it('is told before days of training begin', () => {
    const plan = planMemory([paper], 'wasm', 24 * GIB);
    const cost = { secondsPerStep: { pretrain: 10, dpo: 20, joint: 50 }, runSeconds: 90_000, peakBytes: 3 * GIB };
    const text = expectationText(paper, 'wasm', 8, plan, cost);
    expect(text).toMatch(/paper: 162 million parameters, each step in \d+ passes of \d+ sequences of each kind/);
    expect(text).toMatch(
      /memory: [\d.]+ GiB planned for a run, [\d.]+ GiB of it in WASM's 4\.0 GiB; measured steps took 3\.0 GiB/,
    );
    expect(text).toMatch(
      /pretrain 10\.0, dpo 20\.0, joint 50\.0 seconds a step; 25 hours a run, 8\.3 days for 8 like it/,
    );
    expect(text).toMatch(/native, which "npx negative-knowledge engine native" builds/);
  });

  it.each([
    [59.6, '60 seconds'],
    [600, '10 minutes'],
    [7200, '2 hours'],
    [200_000, '2.3 days'],
  ])('%d seconds are %s', (seconds, words) => {
    expect(inWords(seconds)).toBe(words);
  });
});
