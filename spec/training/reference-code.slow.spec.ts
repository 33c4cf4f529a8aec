/** The paper's own code, given our initial weights, passwords and order of examples, computes what this program computes: every step of it. */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { PHASES } from '../../src/passwords/roles.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { parseSetup, type Setup } from '../../src/setup/schema.ts';
import { type Outcome, type TrainingEvent, trainToEnd } from '../../src/training/trainer.ts';

interface Recorded {
  readonly setup: Setup;
  readonly loss: Record<string, number[]>;
  readonly gradientNorm: Record<string, number[]>;
  readonly perf: { phase: string; step: number; heldOut: number; useful: number; random: number }[];
}

/** The largest relative difference. */
const NEAR = 5e-6;
const SETS = ['heldOut', 'useful', 'random'] as const;

const recorded = (name: string): Recorded =>
  JSON.parse(readFileSync(new URL(`../../fixtures/reference-code/${name}.json`, import.meta.url), 'utf8'));

/** Plain JavaScript would take a quarter of an hour for the larger setup: there it takes the steps of phase 1 alone. */
class Enough extends Error {}

describe.each(['pocket', 'small-paper'])('the setup %s', (name) => {
  const golden = recorded(name);
  const setup = parseSetup(golden.setup);

  it('is trained with the losses, gradient norms and perf of the paper’s own code, step by step', async () => {
    const engine = await startEngine();
    const first = engine.name === 'cpu' && name === 'pocket';
    let history: Pick<Outcome, 'trajectories' | 'evaluations'> | undefined;
    const watch = async (event: TrainingEvent) => {
      if (!first || event.kind !== 'checkpoint') return;
      const state = await event.state();
      if (state.phase === 'pretrain') return;
      history = state.history;
      throw new Enough();
    };
    try {
      history = await trainToEnd(setup, { engine }, watch);
    } catch (error) {
      if (!(error instanceof Enough)) throw error;
    }
    const { trajectories, evaluations } = history as NonNullable<typeof history>;
    let compared = 0;
    const near = (found: number, theirs: number, what: string) => {
      expect(Math.abs(found - theirs) / Math.abs(theirs), `${what}: ${found}, and theirs is ${theirs}`).toBeLessThan(
        NEAR,
      );
      compared++;
    };
    const phases = first ? (['pretrain'] as const) : PHASES;
    for (const phase of phases) {
      const { total, gradientNorm } = trajectories[phase];
      expect(total).toHaveLength(golden.loss[phase].length);
      for (const [step, loss] of golden.loss[phase].entries()) {
        near(total[step], loss, `loss of ${phase}, step ${step}`);
        near(gradientNorm[step], golden.gradientNorm[phase][step], `gradient norm of ${phase}, step ${step}`);
      }
    }
    const letters = setup.passwords.alphabet.length;
    for (const { phase, step, ...perf } of golden.perf.filter((one) => phases.some((own) => own === one.phase))) {
      const own = evaluations.find((evaluation) => evaluation.phase === phase && evaluation.step === step);
      // Their loop evaluates after 1, 6, 11, ... steps; ours at the end of a phase as well.
      expect(own, `the evaluation of ${phase} after step ${step}`).toBeDefined();
      for (const set of SETS)
        near(own!.sets[set].logLikelihood, perf[set] - Math.log(letters), `${set} in ${phase} after step ${step}`);
    }
    const steps = phases.reduce((sum, phase) => sum + setup.phases[phase].steps, 0);
    expect(compared).toBeGreaterThan(2 * steps);
  });

  it('is the preset but for its counts, and freezes the second half', () => {
    const preset = name === 'pocket' ? PRESETS.pocket : PRESETS.paper;
    expect(setup.phases.dpo.trainable).toBe('first-half');
    expect(setup.optimiser).toEqual(preset.optimiser);
    expect([setup.beta, setup.prefixes, setup.passwords.length]).toEqual([
      preset.beta,
      preset.prefixes,
      preset.passwords.length,
    ]);
    expect(setup.phases.joint.weights).toEqual(preset.phases.joint.weights);
    if (name === 'pocket') expect(setup.model).toEqual(preset.model);
  });
});
