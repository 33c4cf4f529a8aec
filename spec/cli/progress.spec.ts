/** The time left, by an injected clock: an upper bound that rests on what was seen, and nothing before enough was. */
import { PassThrough } from 'node:stream';
import { describe, expect, it } from 'vitest';
import { ProgressDisplay } from '../../src/cli/progress.ts';
import type { Phase } from '../../src/passwords/roles.ts';
import type { RunRecord } from '../../src/records/record.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import type { Setup } from '../../src/setup/schema.ts';
import type { Evaluation } from '../../src/training/evaluation.ts';

const evaluation = {
  sets: { heldOut: { guessRate: 1 }, useful: { guessRate: 1 }, random: { guessRate: 1 } },
} as Evaluation;

/** A display of runs, told of steps at given seconds; gives the seconds left of each line, null where it tells none. */
function told(
  setups: readonly Setup[],
  steps: readonly (readonly [setup: Setup, phase: Phase, step: number, seconds: number])[],
) {
  const stream = new PassThrough() as unknown as NodeJS.WriteStream;
  let now = 0;
  const display = new ProgressDisplay(setups, stream, () => now);
  return steps.map(([setup, phase, step, seconds]) => {
    now = 1000 * seconds;
    display.update(setup, { phase, step, steps: setup.phases[phase].steps, loss: 1, tokens: 1, evaluation });
    const line = String(stream.read());
    const [, minutes = '0', rest] = /at most (?:(\d+)m)?(\d+)s left/.exec(line) ?? [];
    return rest === undefined ? null : 60 * Number(minutes) + Number(rest);
  });
}

const setup: Setup = { ...PRESETS['pocket-memorising'], seed: 101 };
const everyStep = (of: Setup, phase: Phase, from: number, to: number, at: (step: number) => number) =>
  Array.from({ length: to - from + 1 }, (_, index) => [of, phase, from + index, at(from + index)] as const);

/** Cost of each phase in sequences scored: three for one that is trained on, one for one that is scored. */
const cost = {
  pretrain: 3 * 200 * 16 + 4 * 448 + 256 + 12_800,
  dpo: 3 * 800 * 32 + 16 * 448,
  joint: 3 * 1_400 * 64 + 28 * 448,
};

describe('the time left', () => {
  it('is not told before some seconds and steps were seen, however slow the first one was', () => {
    const first = everyStep(setup, 'pretrain', 1, 20, (step) => (step === 1 ? 0 : 600 + step / 100));
    expect(told([setup], first).slice(0, 19)).toEqual(Array(19).fill(null));
    expect(
      told(
        [setup],
        everyStep(setup, 'pretrain', 1, 100, (step) => step / 100),
      ),
    ).toEqual(Array(100).fill(null));
  });

  it('is exact at a steady speed: work left over work seen, all phases, losses and evaluations counted', () => {
    const all = cost.pretrain + cost.dpo + cost.joint;
    const perStep = cost.pretrain / 200;
    const lines = told(
      [setup],
      everyStep(setup, 'pretrain', 1, 100, (step) => step),
    );
    const seen = perStep * 99; // since the first line
    const left = all - perStep * 100;
    expect(lines.at(-1)).toBe(Math.round((left / seen) * 99));
  });

  it('counts the random text under `reverse`, where a setup has it in every step of phase 3', () => {
    const calibrated = structuredClone(setup);
    calibrated.phases.joint.weights.randomReverse = 0.5;
    const steps = (of: Setup) => everyStep(of, 'joint', 1, 100, (step) => step);
    const [plain] = told([setup], steps(setup)).slice(-1);
    const [more] = told([calibrated], steps(calibrated)).slice(-1);
    // All that is left is phase 3 at the speed of phase 3, whatever a step costs.
    expect(plain).toBe(1_300);
    expect(more).toBe(1_300);
    const beforeJoint = (of: Setup) =>
      told(
        [of],
        everyStep(of, 'dpo', 1, 100, (step) => step),
      ).at(-1) as number;
    const joint = (kinds: number) => 3 * 1_400 * 16 * kinds + 28 * 448;
    expect(beforeJoint(calibrated) - beforeJoint(setup)).toBeCloseTo((joint(5) - joint(4)) / (cost.dpo / 800), -1);
  });

  it('of a run that goes on counts no work of before as speed', () => {
    const lines = told(
      [setup],
      everyStep(setup, 'joint', 1_000, 1_060, (step) => step - 1_000),
    );
    expect(lines.at(-1)).toBe(340);
  });

  it('counts runs that wait, and not those that were kept from before', () => {
    const other: Setup = { ...setup, seed: 102 };
    const alone = told(
      [setup],
      everyStep(setup, 'joint', 1, 100, (step) => step),
    ).at(-1) as number;
    const two = told(
      [setup, other],
      everyStep(setup, 'joint', 1, 100, (step) => step),
    ).at(-1) as number;
    expect(two - alone).toBeCloseTo((cost.pretrain + cost.dpo + cost.joint) / (cost.joint / 1_400), -1);
    const stream = new PassThrough() as unknown as NodeJS.WriteStream;
    let now = 0;
    const display = new ProgressDisplay([setup, other], stream, () => now);
    display.end(other, { status: 'finished', times: { wallSeconds: 3 } } as RunRecord, true);
    for (const [of, phase, step, seconds] of everyStep(setup, 'joint', 1, 100, (at) => at)) {
      now = 1000 * seconds;
      display.update(of, { phase, step, steps: 1_400, loss: 1, tokens: 1, evaluation });
    }
    expect(String(stream.read()).trim().split('\n').at(-1)).toContain('at most 21m40s left'); // 1,300 steps of a second
  });
});
