/**
 * The whole computation against the programs that the paper ran: Hugging Face's GPTNeoXForCausalLM, torch's AdamW and
 * clip_grad_norm_. fixtures/hugging-face.py made the numbers, in double precision.
 */
import { readFileSync } from 'node:fs';
import { describe, expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { logProbabilities } from '../../src/model/gpt-neox.ts';
import {
  loadParameters,
  type ParameterValues,
  parameterSpecifications,
  trainableNames,
} from '../../src/model/parameters.ts';
import type { Example, Prefix, Reward, Role } from '../../src/passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../../src/passwords/tokens.ts';
import { newOptimiser } from '../../src/training/optimiser.ts';
import { type LossWeights, lossAndGradients } from '../../src/training/step.ts';
import { ENGINES_HERE } from '../helpers/engines.ts';
import { tinySetup } from '../helpers/setups.ts';

type Kind = 'chosen' | 'rejected' | 'useful' | 'random';
type PerKind = Record<Kind, number[][]>;
interface Run {
  steps: { losses: Record<keyof LossWeights | 'total', number>; gradientNorm: number }[];
  logProbabilitiesAfter: PerKind;
}
interface Recording {
  parameters: string[];
  beta: number;
  weights: LossWeights;
  rates: number[];
  passwords: Record<Kind, string[]>;
  logProbabilities: PerKind;
  all: Run & { steps: [{ gradientNorms: Record<string, number> }] };
  firstHalf: Run & { steps: [{ gradientNorms: Record<string, number> }] };
}
const recorded: Recording = JSON.parse(
  readFileSync(new URL('../../fixtures/hugging-face.json', import.meta.url), 'utf8'),
);

const setup = tinySetup(); // 16 wide, 2 layers, 2 heads, half of each head rotary: the shape that was recorded
const ids = scratchTokenIds(setup);

/** Entry i of parameter k is base + 0.3 sin(0.7 i + k), as in the recording. */
function formulaValues(): ParameterValues {
  return new Map(
    parameterSpecifications(setup).map(({ name, shape, initial }, k) => {
      const base = initial === 'ones' ? 1 : 0;
      const length = tf.util.sizeFromShape([...shape]);
      return [name, Float32Array.from({ length }, (_, i) => base + 0.3 * Math.sin(0.7 * i + k))];
    }),
  );
}

const KINDS: Record<Kind, { role: Role; prefix: Prefix; reward: Reward }> = {
  chosen: { role: 'chosen', prefix: 'regular', reward: 'chosen' },
  rejected: { role: 'held-out', prefix: 'regular', reward: 'rejected' },
  useful: { role: 'useful', prefix: 'reverse', reward: 'imitated' },
  random: { role: 'joint-random', prefix: 'regular', reward: 'imitated' },
};
const kinds = Object.keys(KINDS) as Kind[];
const examples: Example[] = kinds.flatMap((kind) =>
  recorded.passwords[kind].map((password) => ({ password, ...KINDS[kind] })),
);
const batch = tokenBatch(examples, ids);

/** Rows in the order of `examples`. */
const rowsOf = (perKind: PerKind): number[][] => kinds.flatMap((kind) => perKind[kind]);

const largestDifference = (actual: number[][], expected: number[][]): number =>
  Math.max(...actual.flatMap((row, i) => row.map((value, t) => Math.abs(value - expected[i][t]))));

// Float32 rounds to 6e-8. A log-probability of up to 10 nats is some tens of roundings deep; four updates of AdamW,
// which divides small gradients by small gradients, cost another digit.
const FORWARD = 1e-5;
const TRAINED = 1e-4;

describe.each(ENGINES_HERE)('on %s', (engine) => {
  it("log-probabilities are those of Hugging Face's GPT-NeoX", async () => {
    await startEngine(engine);
    const parameters = loadParameters(setup, formulaValues());
    const actual = tf.tidy(() => logProbabilities(parameters, setup.model, batch).arraySync()) as number[][];
    tf.dispose([...parameters.values()]);
    expect(largestDifference(actual, rowsOf(recorded.logProbabilities))).toBeLessThan(FORWARD);
  });

  it.each([
    'all',
    'firstHalf',
  ] as const)('losses, gradients and AdamW updates are those of torch (%s)', async (part) => {
    await startEngine(engine);
    const run = recorded[part];
    const trainable = trainableNames(setup, part === 'all' ? 'all' : 'first-half');
    const values = formulaValues();
    const parameters = loadParameters(setup, values);
    const optimiser = newOptimiser(parameters, trainable, setup.optimiser);
    const references = new Map<string, number>();
    for (const kind of ['chosen', 'rejected'] as const) {
      recorded.passwords[kind].forEach((password, row) => {
        references.set(
          password,
          recorded.logProbabilities[kind][row].reduce((sum, value) => sum + value, 0),
        );
      });
    }
    const input = {
      examples,
      batch,
      weights: recorded.weights,
      beta: recorded.beta,
      reference: (password: string) => references.get(password) as number,
    };
    run.steps.forEach((expected, step) => {
      const { losses, gradients } = lossAndGradients(parameters, setup.model, trainable, input);
      for (const key of ['total', 'dpo', 'useful', 'random'] as const) {
        expect(Math.abs((losses[key] as number) - expected.losses[key]), `${key}, step ${step}`).toBeLessThan(
          step === 0 ? FORWARD : TRAINED,
        );
      }
      if (step === 0) {
        expect([...gradients.keys()]).toEqual(Object.keys(run.steps[0].gradientNorms));
        for (const [name, gradient] of gradients) {
          const norm = Math.hypot(...gradient.dataSync());
          const exact = run.steps[0].gradientNorms[name];
          // Relative to the gradient, or to the whole gradient where a parameter's own is next to nothing.
          expect(Math.abs(norm - exact), name).toBeLessThan(1e-5 * exact + 1e-7 * expected.gradientNorm);
        }
      }
      const norm = optimiser.apply(gradients, recorded.rates[step], step + 1);
      expect(Math.abs(norm / expected.gradientNorm - 1), `norm, step ${step}`).toBeLessThan(TRAINED);
    });
    const after = tf.tidy(() => logProbabilities(parameters, setup.model, batch).arraySync()) as number[][];
    optimiser.dispose();
    tf.dispose([...parameters.values()]);
    expect(largestDifference(after, rowsOf(run.logProbabilitiesAfter))).toBeLessThan(TRAINED);
    // Training moved them by thousands of times that tolerance, so agreement says something.
    expect(largestDifference(after, rowsOf(recorded.logProbabilities))).toBeGreaterThan(0.1);
  });
});

it('every parameter has the name and the place that Hugging Face gives it', () => {
  expect(parameterSpecifications(setup).map(({ name }) => name)).toEqual(recorded.parameters);
});
