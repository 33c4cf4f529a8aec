/**
 * The whole computation against the programs that the paper ran, on models that Hugging Face's transformers saved:
 * GPTNeoXForCausalLM, LlamaForCausalLM, torch's AdamW and clip_grad_norm_. `fixtures/parity/record.py` made the numbers, in double precision.
 */
import { readdirSync, readFileSync } from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { type Engine, type EngineName, startEngine, tf } from '../../src/engine/engine.ts';
import { forward, inputsAndLabels, logProbabilities, residualStream } from '../../src/model/model.ts';
import {
  loadParameters,
  type Parameters,
  type ParameterValues,
  TABLES,
  trainableNames,
} from '../../src/model/parameters.ts';
import { loadValues, readConfig, saveModel } from '../../src/model/pretrained.ts';
import { withSafetensors } from '../../src/model/safetensors.ts';
import { type Example, PHASES, type Phase, type Prefix, type Reward, type Role } from '../../src/passwords/roles.ts';
import type { TokenBatch } from '../../src/passwords/tokens.ts';
import { lossesAndGradients } from '../../src/properties/gradients.ts';
import type { PerLoss } from '../../src/recipe/recipe.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { newOptimiser } from '../../src/training/optimiser.ts';
import { PreparedStep } from '../../src/training/step.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { valuesFrom, valuesOfOne } from '../helpers/reading.ts';
import { tinySetup } from '../helpers/setups.ts';

const ROOT = fileURLToPath(new URL('../../fixtures/parity', import.meta.url));
const MODELS = readdirSync(ROOT, { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

type Kind = 'chosen' | 'rejected' | 'useful' | 'random';
const KINDS: Record<Kind, { role: Role; prefix: Prefix; reward: Reward }> = {
  chosen: { role: 'chosen', prefix: 'regular', reward: 'chosen' },
  rejected: { role: 'held-out', prefix: 'regular', reward: 'rejected' },
  useful: { role: 'useful', prefix: 'reverse', reward: 'imitated' },
  random: { role: 'joint-random', prefix: 'regular', reward: 'imitated' },
};
const ALL = Object.keys(KINDS) as Kind[];
/** The kinds of sequence that a phase trains on. */
const TRAINED: Record<Phase, Kind[]> = { pretrain: ['random'], dpo: ['chosen', 'rejected'], joint: ALL };

const DPO = { objective: 'dpo', margin: 0 } as const;

interface Golden {
  beta: number;
  weights: PerLoss<number>;
  rates: number[];
  batches: Record<Kind, number[][]>[];
  reference: Record<'chosen' | 'rejected', number[]>;
  losses: Record<'dpo' | 'useful' | 'joint', number>;
  steps: Record<Phase, { loss: number; gradientNorm: number }[]>;
  /** How far torch's float32 is from its double precision, at most, in each quantity. */
  strays: Record<string, number>;
}

const packed = (sequences: readonly number[][]): TokenBatch => ({
  tokens: Int32Array.from(sequences.flat()),
  rows: sequences.length,
  length: sequences[0].length,
});

/** Sequences of some kinds as the trainer has them; a "password" here is its tokens, written out. */
function stepOf(batch: Golden['batches'][0], kinds: readonly Kind[]): { examples: Example[]; batch: TokenBatch } {
  const examples = kinds.flatMap((kind) =>
    batch[kind].map((tokens) => ({ password: tokens.join(' '), ...KINDS[kind] })),
  );
  return { examples, batch: packed(kinds.flatMap((kind) => batch[kind])) };
}

const ONE: PerLoss<number> = { dpo: 1, useful: 1, random: 1, randomReverse: 0 };

// A float32 program that sums in another order than torch's strays from the exact value by about as much as torch's own
// float32 does; ten times that allows for longer chains of sums. Golden tensors are stored as float32, and float32
// results cannot be nearer than half a unit in the last place: two more units of the largest value.
const ALLOWED_STRAYS = 10;
const UNIT = 2 ** -23;
const allowed = (stray: number, largest: number): number => ALLOWED_STRAYS * stray + 2 * UNIT * largest;

/** @param trained models that are trained as well, where a step takes long; all, when absent */
export function parityProperties(engines: readonly EngineName[], trained: readonly string[] = MODELS): void {
  describe.each(MODELS)('%s', (folderName) => {
    const folder = path.join(ROOT, folderName);
    const golden: Golden = JSON.parse(readFileSync(path.join(folder, 'golden.json'), 'utf8'));
    const { vocabulary, positions: _, ...shape } = readConfig(folder);
    const setup: Setup = tinySetup((tiny) => {
      Object.assign(tiny.model, shape, { vocabulary });
      Object.assign(tiny, { beta: golden.beta });
      Object.assign(tiny.optimiser, { learningRate: 3e-3, warmupSteps: 5 });
    });
    const { model } = setup;
    let values: ParameterValues;
    const exact = new Map<string, { shape: readonly number[]; data: Float32Array }>();
    beforeAll(() => {
      values = loadValues(setup, folder);
      withSafetensors(path.join(folder, 'golden.safetensors'), (reader) => {
        for (const tensor of reader.names) {
          exact.set(tensor, { shape: reader.entry(tensor).shape, data: reader.read(tensor) });
        }
      });
    });
    afterAll(() => values.clear());

    /** Holds a tensor to the recorded one, element by element. */
    function agree(actual: ArrayLike<number>, tensor: string): void {
      const { data } = exact.get(tensor) as { data: Float32Array };
      expect(actual.length, tensor).toBe(data.length);
      let [worst, largest] = [0, 0];
      for (let index = 0; index < data.length; index++) {
        worst = Math.max(worst, Math.abs(actual[index] - data[index]));
        largest = Math.max(largest, Math.abs(data[index]));
      }
      expect(worst, tensor).toBeLessThanOrEqual(allowed(golden.strays[tensor], largest));
    }

    const { batch } = stepOf(golden.batches[0], ALL);

    describe.each(engines)('on %s', (name) => {
      let engine: Engine;
      let parameters: Parameters;
      beforeAll(async () => {
        engine = await startEngine(name);
        parameters = loadParameters(setup, values);
      });
      afterAll(() => void tf.dispose([...parameters.values()]));

      it('hidden states after every block, logits and log-probabilities', async () => {
        const time = batch.length - 1;
        const [logP, logits, ...stream] = await valuesFrom(engine, () => {
          const ids = tf.tensor1d(inputsAndLabels(batch).inputs, 'int32');
          return [
            logProbabilities(parameters, model, batch),
            forward(parameters, model, ids, time),
            ...residualStream(parameters, model, ids, time),
          ];
        });
        for (const [layer, x] of stream.entries()) agree(x, `stream/${layer}`);
        agree(logits, 'logits');
        agree(logP, 'logProbabilities');
      });

      it('losses, and the gradient of every parameter', async () => {
        const references = new Map(
          (['chosen', 'rejected'] as const).flatMap((kind) =>
            golden.batches[0][kind].map((tokens, row) => [tokens.join(' '), golden.reference[kind][row]] as const),
          ),
        );
        const reference = (password: string) => [references.get(password) as number];
        const all = trainableNames(setup, 'all');
        for (const [loss, kinds] of [
          ['dpo', TRAINED.dpo],
          ['useful', ['useful']],
          ['joint', ALL],
        ] as const) {
          const weights = loss === 'joint' ? { ...golden.weights, randomReverse: 0 } : ONE;
          const input = { ...stepOf(golden.batches[0], kinds), weights, ...DPO, beta: golden.beta, reference };
          const { losses, gradients } = await lossesAndGradients({ engine, parameters, model }, all, input);
          const expected = golden.losses[loss];
          expect(Math.abs(losses.total - expected), loss).toBeLessThanOrEqual(allowed(golden.strays.losses, expected));
          if (loss === 'joint') {
            expect([...gradients.keys()].map((parameter) => `gradients/${parameter}`).toSorted()).toEqual(
              [...exact.keys()].filter((tensor) => tensor.startsWith('gradients/')).toSorted(),
            );
            for (const [parameter, gradient] of gradients) {
              // Hugging Face keeps weights of linear layers transposed.
              const { shape } = parameters.get(parameter) as tf.Tensor;
              const there = shape.length === 2 && parameter !== TABLES[model.family].embedding;
              const own = await valuesOfOne(engine, () => {
                const tensor = tf.tensor(gradient, shape);
                return there ? tf.transpose(tensor) : tensor;
              });
              agree(own, `gradients/${parameter}`);
            }
          }
        }
      });

      it.runIf(trained.includes(folderName))('20 steps of AdamW in each of the three phases', async () => {
        const trained = loadParameters(setup, values);
        let reference = new Map<string, number>();
        const takeReference = async () => {
          const sequences = golden.batches.flatMap(({ chosen, rejected }) => [...chosen, ...rejected]);
          const values = await valuesOfOne(engine, () => logProbabilities(trained, model, packed(sequences)));
          const time = values.length / sequences.length;
          const sumOf = (row: number) =>
            values.slice(row * time, (row + 1) * time).reduce((sum, value) => sum + value, 0);
          reference = new Map(sequences.map((tokens, row) => [tokens.join(' '), sumOf(row)]));
        };
        for (const phase of PHASES) {
          if (phase === 'dpo') await takeReference();
          const trainable = trainableNames(setup, phase === 'dpo' ? 'first-half' : 'all');
          const loaded = { engine, parameters: trained, model };
          const optimiser = await newOptimiser(loaded, trainable, setup.optimiser);
          for (const [step, expected] of golden.steps[phase].entries()) {
            const input = {
              ...stepOf(golden.batches[step], TRAINED[phase]),
              weights: phase === 'joint' ? { ...golden.weights, randomReverse: 0 } : ONE,
              ...DPO,
              beta: golden.beta,
              reference: (password: string) => [reference.get(password) as number],
            };
            const prepared = new PreparedStep(loaded, trainable, input, null);
            const { scalars, norm } = await optimiser.step(prepared.passes, golden.rates[step], step + 1);
            const losses = prepared.losses(scalars);
            prepared.dispose();
            const near = (actual: number, exactly: number, quantity: string) =>
              expect(Math.abs(actual - exactly), `${phase}, step ${step}: ${quantity}`).toBeLessThanOrEqual(
                allowed(golden.strays[`steps/${phase}/${quantity}`], exactly),
              );
            near(losses.total, expected.loss, 'loss');
            near(norm, expected.gradientNorm, 'gradientNorm');
          }
          optimiser.dispose();
        }
        const after = await valuesOfOne(engine, () => logProbabilities(trained, model, batch));
        tf.dispose([...trained.values()]);
        agree(after, 'logProbabilitiesAfter');
        // Training moved them by far more than what is allowed, so agreement says something.
        const before = exact.get('logProbabilities')?.data as Float32Array;
        expect(Math.max(...after.map((value, index) => Math.abs(value - before[index])))).toBeGreaterThan(0.1);
      });
    });

    it('written and read again it is the same model, in every bit', () => {
      const again = temporaryFolder();
      saveModel(again, setup, values);
      expect(loadValues(setup, again)).toEqual(values);
      expect(readConfig(again)).toMatchObject({ ...shape, vocabulary });
    });
  });
}
