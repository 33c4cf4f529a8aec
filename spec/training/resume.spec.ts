import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { setups } from '../../src/properties/arbitraries.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { DivergenceError } from '../../src/training/optimiser.ts';
import {
  atCheckpoints,
  type Outcome,
  type TrainerOptions,
  type TrainerState,
  trainToEnd,
} from '../../src/training/trainer.ts';
import { tinySetup } from '../helpers/setups.ts';

const engine = await startEngine();

/** A whole run, and a deep copy of the state at each of its checkpoints. */
async function withStates(setup: Setup): Promise<{ outcome: Outcome; states: TrainerState[] }> {
  const states: TrainerState[] = [];
  const outcome = await trainToEnd(
    setup,
    { engine },
    atCheckpoints((state) => states.push(state)),
  );
  return { outcome, states };
}

/** How a run ends that may diverge: its outcome, or the sentence that says where it did. */
async function ending(
  setup: Setup,
  options: TrainerOptions,
  take: (state: TrainerState) => unknown = () => {},
): Promise<Outcome | string> {
  try {
    return await trainToEnd(setup, options, atCheckpoints(take));
  } catch (error) {
    if (error instanceof DivergenceError) return error.message;
    throw error;
  }
}

describe('a run', () => {
  it('of any setup ends in numbers or says where it diverged, repeats itself bit for bit from any of its checkpoints, and leaks nothing', async () => {
    await fc.assert(
      fc.asyncProperty(setups(), fc.nat(), async (setup, which) => {
        const states: TrainerState[] = [];
        const outcome = await ending(setup, { engine }, (state) => states.push(state));
        const { numTensors, numBytes } = tf.memory();
        const from = states.length > 0 ? states[which % states.length] : undefined;
        expect(await ending(setup, { engine, from })).toEqual(outcome);
        expect(tf.memory()).toMatchObject({ numTensors, numBytes });
        if (typeof outcome === 'string') {
          expect(outcome).toMatch(/^the (loss|gradient norm) is -?(NaN|Infinity) in phase \w+, step \d+/);
          return;
        }
        const { trajectories, evaluations } = outcome;
        const numbers = [
          ...Object.values(trajectories).flatMap(({ total, gradientNorm }) => [...total, ...gradientNorm]),
          ...evaluations.flatMap(({ sets }) =>
            Object.values(sets).flatMap(({ halves: _, ...rest }) => Object.values(rest)),
          ),
        ];
        expect(numbers.filter((value) => !Number.isFinite(value))).toEqual([]);
      }),
      { numRuns: 10, endOnFailure: true }, // `npm run fuzz` shrinks: here that would train for minutes
    );
  });

  it('resumes from every one of its checkpoints with the second half frozen in phase 2', async () => {
    const setup = tinySetup((draft) => Object.assign(draft.phases.dpo, { trainable: 'first-half' }));
    const { outcome, states } = await withStates(setup);
    expect(states).toHaveLength(8); // 2, 4 | 2, 4, 6 | 2, 4, 6: every evaluation but the last, at phase ends once
    for (const state of states) {
      const { parametersDigest, trajectories } = await trainToEnd(setup, { engine, from: state });
      expect({ parametersDigest, trajectories }).toEqual({
        parametersDigest: outcome.parametersDigest,
        trajectories: outcome.trajectories,
      });
    }
  });
});

describe('the stop rule of phase 3', () => {
  const wild = (stopAtUsefulGuessRate: number | null) =>
    tinySetup((draft) => {
      draft.optimiser.learningRate = 0.02;
      draft.evaluation.every = 1;
      Object.assign(draft.phases.joint, { steps: 16, stopAtUsefulGuessRate });
      draft.phases.joint.weights = { dpo: 0.2, useful: 1, random: 0.2, randomReverse: 0 };
    });

  it('cuts the run short at the first evaluation whose useful guess rate passes the target, and changes nothing before', async () => {
    const { evaluations } = await trainToEnd(wild(null), { engine });
    const joint = evaluations.filter(({ phase }) => phase === 'joint');
    const before = evaluations.length - joint.length;
    const useful = joint.map(({ sets }) => sets.useful.guessRate);
    for (const target of [1.05, 1.3]) {
      const index = useful.findIndex((rate) => rate > target);
      expect(index, `no evaluation passes ${target}`).toBeGreaterThanOrEqual(0);
      const stopped = await trainToEnd(wild(target), { engine });
      const took = `evaluations until it stopped: ${stopped.evaluations.length}, not ${before + index + 1}`;
      expect(stopped.evaluations, took).toEqual(evaluations.slice(0, before + index + 1));
      expect(stopped.snapshots.at(-1)).toMatchObject({ phase: 'joint', step: index + 1 });
    }
  });
});

describe('the stop rule of phase 2', () => {
  const avoiding = (stopAtHeldOutGuessRate: number | null) =>
    tinySetup((draft) => {
      draft.optimiser.learningRate = 0.02;
      draft.evaluation.every = 1;
      Object.assign(draft.phases.dpo, { steps: 16, stopAtHeldOutGuessRate });
    });

  it('ends the phase at the first evaluation whose held-out guess rate is at the target or below, and changes nothing before', async () => {
    const inPhase2 = ({ evaluations }: Outcome) => evaluations.filter(({ phase }) => phase === 'dpo');
    const whole = inPhase2(await trainToEnd(avoiding(null), { engine }));
    expect(whole).toHaveLength(16);
    const rates = whole.map(({ sets }) => sets.heldOut.guessRate);
    const lowest = Math.min(...rates);
    for (const target of [lowest, (lowest + rates[0]) / 2]) {
      const index = rates.findIndex((rate) => rate <= target);
      expect(index, `the first evaluation is at ${rates[0]}`).toBeGreaterThan(0);
      const stopped = await trainToEnd(avoiding(target), { engine });
      const took = `evaluations until phase 2 ended: ${inPhase2(stopped).length}, not ${index + 1}`;
      expect(inPhase2(stopped), took).toEqual(whole.slice(0, index + 1));
      expect(stopped.trajectories.dpo.total).toHaveLength(index + 1);
      expect(stopped.snapshots[0]).toMatchObject({ phase: 'dpo', step: index + 1 });
      expect(stopped.trajectories.joint.total).toHaveLength(8);
    }
  });
});

describe('a run that diverges', () => {
  const setup = tinySetup();

  it('names the phase and step at which it did, and leaves the values of that step as they were', async () => {
    const { states } = await withStates(setup);
    for (const state of [states[0], states[3], states[6]]) {
      const broken = structuredClone(state);
      broken.values.get('gpt_neox.embed_in.weight')?.fill(Number.NaN);
      const values = structuredClone(broken.values);
      const error = await trainToEnd(setup, { engine, from: broken }).then(
        () => null,
        (reason: Error) => reason,
      );
      expect(error).toBeInstanceOf(DivergenceError);
      expect(error?.message).toContain(`in phase ${state.phase}, step ${state.step}; try a smaller learning rate`);
      expect(broken.values).toEqual(values);
      expect(broken.history).toEqual(state.history);
    }
  });

  it('is told from one that is merely bad: an absurd learning rate trains badly or throws, but records no NaN', async () => {
    const absurd = tinySetup((draft) => {
      Object.assign(draft.optimiser, { learningRate: 10, warmupSteps: 0, weightDecay: 10 });
    });
    try {
      const { trajectories } = await trainToEnd(absurd, { engine });
      // Weight decay multiplies weights by 1 - 10 * 10 a step: they overflow float32 (3e38) within 20 steps.
      expect.unreachable(`it ended at a loss of ${trajectories.joint.total.at(-1)}`);
    } catch (error) {
      expect(error).toBeInstanceOf(DivergenceError);
      expect((error as Error).message).toMatch(/in phase \w+, step \d+; try a smaller learning rate/);
    }
  });
});
