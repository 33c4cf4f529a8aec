/** An engine computes the same model, losses and gradients as plain JavaScript. */
import { expect, it } from 'vitest';
import { type Engine, startEngine, tf } from '../../../src/engine/engine.ts';
import { forward } from '../../../src/model/model.ts';
import { initialValues, loadParameters, trainableNames } from '../../../src/model/parameters.ts';
import { buildCorpus } from '../../../src/passwords/corpus.ts';
import { PHASES } from '../../../src/passwords/roles.ts';
import { scratchTokenIds, tokenBatch } from '../../../src/passwords/tokens.ts';
import { lossesAndGradients } from '../../../src/properties/gradients.ts';
import { OBJECTIVES, type Objective, type Setup } from '../../../src/setup/schema.ts';
import { trainToEnd } from '../../../src/training/trainer.ts';
import { valuesOfOne } from '../../helpers/reading.ts';
import { tinySetup } from '../../helpers/setups.ts';
import type { Start } from './engine.ts';

const setup = tinySetup((draft) => {
  draft.model.initialDeviation = 0.3;
});
const examples = buildCorpus(setup).examples('joint', 0);
const batch = tokenBatch(examples, scratchTokenIds(setup));
const everything = trainableNames(setup, 'all');

/** Logits, losses and gradients of one packed step. */
async function oneStep(engine: Engine): Promise<Map<string, number[]>> {
  const parameters = loadParameters(setup, initialValues(setup));
  const time = batch.length - 1;
  const inputs = Array.from({ length: batch.rows }, (_, row) => [
    ...batch.tokens.subarray(row * batch.length, row * batch.length + time),
  ]).flat();
  const logits = await valuesOfOne(engine, () => forward(parameters, setup.model, tf.tensor1d(inputs, 'int32'), time));
  const { losses, gradients } = await lossesAndGradients({ engine, parameters, model: setup.model }, everything, {
    examples,
    batch,
    weights: { dpo: 1, useful: 0.5, random: 0.5, randomReverse: 0 },
    objective: 'dpo',
    beta: 0.3,
    margin: 0,
    reference: (password) => [-12 - password.charCodeAt(0) / 100],
  });
  const results = new Map([...gradients].map(([name, gradient]) => [name, [...gradient]]));
  tf.dispose([...parameters.values()]);
  return results.set('logits', logits).set('losses', Object.values(losses).map(Number));
}

async function expectAgreement(start: Start): Promise<void> {
  const [expected, actual] = [await oneStep(await startEngine('cpu')), await oneStep(await start())];
  expect([...actual.keys()]).toEqual([...expected.keys()]);
  for (const [name, values] of actual) {
    const exact = expected.get(name) as number[];
    // Both sides round to float32 (6e-8) in orders of their own, some hundred times on the way to a gradient; gradients
    // of a few parameters (the bias of k) are differences that cancel, so their scale is at least 0.01.
    const scale = Math.max(0.01, ...exact.map(Math.abs));
    values.forEach((value, i) => {
      expect(Math.abs(value - exact[i]), `${name}[${i}]`).toBeLessThan(1e-5 * scale);
    });
  }
}

/** Steps through all three phases. */
const runOf = (pretrain: number, dpo: number, joint: number, objective: Objective): Setup =>
  tinySetup((draft) => {
    draft.passwords.repeats = 8;
    draft.phases.pretrain.steps = pretrain;
    draft.phases.dpo.steps = dpo;
    draft.phases.joint.steps = joint;
    draft.objective = objective;
  });

async function expectSameRun(start: Start, run: Setup): Promise<void> {
  const onCpu = await trainToEnd(run, { engine: await startEngine('cpu') });
  const here = await trainToEnd(run, { engine: await start() });
  let steps = 0;
  for (const phase of PHASES) {
    for (const key of ['total', 'gradientNorm'] as const) {
      here.trajectories[phase][key].forEach((value, step) => {
        const exact = onCpu.trajectories[phase][key][step];
        // The same roundings, carried through up to 50 updates of AdamW, each of which divides by a small gradient.
        // Gradient ascent's loss is negative, so that a total may come near 0: it is as exact as its largest part.
        const part = key === 'total' ? Math.abs(onCpu.trajectories[phase].dpo[step] ?? 0) : 0;
        const off = Math.abs(value - exact) / Math.max(part, Math.abs(exact));
        expect(off, `${phase} ${key}, step ${step}`).toBeLessThan(5e-5);
        steps += 1;
      });
    }
  }
  const { pretrain, dpo, joint } = run.phases;
  expect(steps).toBe(2 * (pretrain.steps + dpo.steps + joint.steps));
  expect(here.ledger).toEqual(onCpu.ledger); // the data does not depend on the engine, not by one bit
}

export function agreementProperties(start: Start): void {
  it('logits, losses and gradients of one step', () => expectAgreement(start));
  it('losses and gradient norms of a run of 50 steps', () => expectSameRun(start, runOf(14, 16, 20, 'dpo')));
  it.each(
    OBJECTIVES.filter((objective) => objective !== 'dpo'),
  )('losses and gradient norms of a run of 8 steps, of the objective %s', (objective) =>
    expectSameRun(start, runOf(2, 3, 3, objective)));
}
