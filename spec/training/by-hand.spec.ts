/**
 * The three phases once more as a plain loop in double precision, from paper.md's description of the reference code: an
 * oracle for what the trainer puts together (weights, rates, optimiser, freezing, reference). It shares with src/ the
 * corpus, the token ids and the gradients of one step, which other specs prove right.
 */
import { describe, expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { initialValues, loadParameters } from '../../src/model/parameters.ts';
import { buildCorpus } from '../../src/passwords/corpus.ts';
import type { Phase } from '../../src/passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import { LOSSES } from '../../src/recipe/recipe.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { computeGradients } from '../../src/training/gradients.ts';
import { PreparedStep } from '../../src/training/step.ts';
import { type Trajectory, trainToEnd } from '../../src/training/trainer.ts';
import { referenceLogProbabilities } from '../helpers/reference-model.ts';
import { tinySetup } from '../helpers/setups.ts';

const PHASES: Phase[] = ['pretrain', 'dpo', 'joint'];
/** Losses of a step and the norm of its gradient; a part that a phase does not train on is null. */
const COLUMNS = ['total', ...LOSSES, 'gradientNorm'] as const;
const sum = (values: number[]) => values.reduce((total, value) => total + value, 0);

/** Losses, each part of them, and gradient norms of every step, by phase. */
async function byHand(setup: Setup): Promise<Record<Phase, Trajectory>> {
  const { learningRate, beta1, beta2, epsilon, weightDecay, warmupSteps, clipNorm } = setup.optimiser;
  const corpus = buildCorpus(setup);
  const ids = scratchTokenIds(setup);
  const theta = new Map([...initialValues(setup)].map(([name, data]) => [name, Float64Array.from(data)]));
  const references = new Map<string, number>();
  const results = { pretrain: empty(), dpo: empty(), joint: empty() };
  for (const phase of PHASES) {
    if (phase === 'dpo') {
      for (const password of [...corpus.negatives, ...corpus.chosen]) {
        const prefix = setup.prefixes ? 'regular' : 'none';
        const tokens = [...tokenBatch([{ password, prefix }], ids).tokens];
        references.set(password, sum(referenceLogProbabilities(theta, setup.model, tokens)));
      }
    }
    const trained = [...theta.keys()].filter(
      (name) =>
        phase !== 'dpo' || setup.phases.dpo.trainable === 'all' || /embed_in|layers\.0\.|final_layer_norm/.test(name), // of two layers the first
    );
    const first = new Map(trained.map((name) => [name, new Float64Array(theta.get(name)!.length)]));
    const second = new Map(trained.map((name) => [name, new Float64Array(theta.get(name)!.length)]));
    const steps = setup.phases[phase].steps;
    for (let step = 0; step < steps; step++) {
      const examples = corpus.examples(phase, step);
      const parameters = loadParameters(
        setup,
        new Map([...theta].map(([name, data]) => [name, Float32Array.from(data)])),
      );
      const input = {
        examples,
        batch: tokenBatch(examples, ids),
        weights: {
          pretrain: { dpo: 0, useful: 0, random: 1, randomReverse: 0 },
          dpo: { dpo: 1, useful: 0, random: 0, randomReverse: 0 },
          joint: setup.phases.joint.weights,
        }[phase],
        objective: setup.objective,
        beta: setup.beta,
        margin: setup.margin,
        reference: (password: string) => [references.get(password)!],
      };
      const prepared = new PreparedStep({ parameters, model: setup.model }, trained, input, null);
      const { scalars, gradients } = await computeGradients({ engine, parameters }, trained, prepared.passes);
      const losses = prepared.losses(scalars);
      const tensors = [...gradients].map(([name, gradient]) => [name, gradient as tf.Tensor] as const); // of one pass
      const arrays = new Map(tensors.map(([name, gradient]) => [name, [...gradient.dataSync()]]));
      prepared.dispose();
      tf.dispose([...tensors.map(([, gradient]) => gradient), ...parameters.values()]);
      const norm = Math.sqrt(sum([...arrays.values()].flat().map((g) => g * g)));
      for (const part of ['total', ...LOSSES] as const) (results[phase][part] as (number | null)[]).push(losses[part]);
      results[phase].gradientNorm.push(norm);

      const rate =
        step < warmupSteps
          ? (learningRate * step) / warmupSteps
          : (learningRate * (1 + Math.cos((Math.PI * (step - warmupSteps)) / steps))) / 2;
      const clip = norm > clipNorm ? clipNorm / (norm + 1e-6) : 1;
      const t = step + 1;
      for (const [name, gradient] of arrays) {
        const [value, m, v] = [theta.get(name)!, first.get(name)!, second.get(name)!];
        gradient.forEach((raw, i) => {
          const g = raw * clip;
          value[i] -= rate * weightDecay * value[i];
          m[i] = beta1 * m[i] + (1 - beta1) * g;
          v[i] = beta2 * v[i] + (1 - beta2) * g * g;
          value[i] -= (rate * (m[i] / (1 - beta1 ** t))) / (Math.sqrt(v[i] / (1 - beta2 ** t)) + epsilon);
        });
      }
    }
  }
  return results;
}

const empty = (): Trajectory => ({ total: [], dpo: [], useful: [], random: [], randomReverse: [], gradientNorm: [] });

const engine = await startEngine();

describe('every loss and gradient norm of a run is that of the plain loop', () => {
  it.each<[string, (setup: Setup) => void]>([
    ['as tinySetup has it', () => {}],
    ['with phase 2 skipped', (setup) => Object.assign(setup.phases.dpo, { steps: 0 })],
    [
      'with a frozen half, no prefixes, and weights, decay, clipping and beta all unlike the usual',
      (setup) => {
        setup.phases.dpo.trainable = 'first-half';
        setup.prefixes = false;
        setup.phases.joint.weights = { dpo: 0.3, useful: 1.7, random: 0.6, randomReverse: 0 };
        Object.assign(setup.optimiser, { weightDecay: 2, clipNorm: 0.05, beta1: 0.5, beta2: 0.9, warmupSteps: 0 });
        setup.beta = 2;
      },
    ],
    ['with NPO in the place of DPO', (setup) => Object.assign(setup, { objective: 'npo' })],
    [
      'with SimPO, which has a margin and no reference',
      (setup) => Object.assign(setup, { objective: 'simpo', margin: 0.5 }),
    ],
  ])('%s', async (_, change) => {
    const setup = tinySetup((draft) => {
      draft.optimiser.learningRate = 0.01; // so that 18 steps go somewhere
      change(draft);
    });
    const { trajectories } = await trainToEnd(setup, { engine });
    const expected = await byHand(setup);
    for (const phase of PHASES) {
      for (const key of COLUMNS) {
        expect(trajectories[phase][key]).toHaveLength(setup.phases[phase].steps);
        trajectories[phase][key].forEach((value, step) => {
          // Float32 state against float64: 6e-8 a rounding, carried through at most 18 steps of an optimiser that
          // divides small gradients by small gradients.
          const exact = expected[phase][key][step];
          const where = `${phase} ${key}, step ${step}`;
          if (value === null || exact === null) expect(value, where).toBe(exact);
          else expect(Math.abs(value - exact), where).toBeLessThan(1e-4 * Math.max(1, exact));
        });
      }
      const { total, dpo, useful, random } = trajectories[phase];
      const { weights } = setup.phases.joint;
      if (phase === 'joint') {
        total.forEach((value, step) => {
          const parts =
            weights.dpo * (dpo[step] as number) +
            weights.useful * (useful[step] as number) +
            weights.random * (random[step] as number);
          expect(Math.abs(value - parts)).toBeLessThan(2e-6 * value); // a few float32 roundings
        });
      }
    }
  });
});
