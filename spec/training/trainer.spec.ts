import { describe, expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { initialValues, loadParameters, parameterSpecifications } from '../../src/model/parameters.ts';
import { buildCorpus } from '../../src/passwords/corpus.ts';
import { LedgerError } from '../../src/passwords/ledger.ts';
import { scratchTokenIds } from '../../src/passwords/tokens.ts';
import { DivergenceError } from '../../src/training/optimiser.ts';
import { score } from '../../src/training/scoring.ts';
import { atCheckpoints, type TrainerState, trainToEnd } from '../../src/training/trainer.ts';
import { referenceLogProbabilities } from '../helpers/reference-model.ts';
import { tinySetup } from '../helpers/setups.ts';

const engine = await startEngine();

/** A copy of the parameters at every checkpoint, by phase and step. */
async function snapshots(setup: ReturnType<typeof tinySetup>) {
  const taken = new Map<string, Map<string, Float32Array>>();
  const states: TrainerState[] = [];
  const outcome = await trainToEnd(
    setup,
    { engine },
    atCheckpoints((state) => {
      taken.set(`${state.phase}/${state.step}`, state.values);
      states.push(state);
    }),
  );
  return { taken, states, outcome };
}

describe('train', () => {
  it('twice on one setup gives the same outcome to the last bit, and another seed another', async () => {
    const first = await trainToEnd(tinySetup(), { engine });
    expect(await trainToEnd(tinySetup(), { engine })).toEqual(first);
    const other = await trainToEnd(
      tinySetup((setup) => Object.assign(setup, { seed: 8 })),
      { engine },
    );
    expect(other.parametersDigest).not.toBe(first.parametersDigest);
  });

  it('begins phase 2 at a loss of ln 2: policy and reference are one model', async () => {
    const { trajectories } = await trainToEnd(tinySetup(), { engine });
    expect(trajectories.dpo.total[0]).toBeCloseTo(Math.LN2, 6);
    expect(trajectories.dpo.total[3]).not.toBeCloseTo(Math.LN2, 6);
  });

  it('keeps the second half and the unembedding bit-identical through phase 2 when only the first half trains', async () => {
    const setup = tinySetup((draft) => Object.assign(draft.phases.dpo, { trainable: 'first-half' }));
    const { taken } = await snapshots(setup);
    const [before, after] = [taken.get('dpo/0'), taken.get('joint/0')];
    for (const { name, firstHalf } of parameterSpecifications(setup)) {
      if (firstHalf) expect(after?.get(name), name).not.toEqual(before?.get(name));
      else expect(after?.get(name), name).toEqual(before?.get(name)); // no gradient and no weight decay either
    }
  });

  it('uses the model after phase 1 as the reference, and never moves it', async () => {
    const setup = tinySetup();
    const { taken, states } = await snapshots(setup);
    const weights = taken.get('dpo/0') as Map<string, Float32Array>;
    const references = states.map(({ reference }) => reference).filter((reference) => reference !== null);
    for (const reference of references) expect(reference, 'reference after phase 2').toEqual(references[0]);
    const [secret] = buildCorpus(setup).heldOut;
    const tokens = [26, ...[...secret].map((letter) => letter.charCodeAt(0) - 97)];
    const expected = referenceLogProbabilities(weights, setup.model, tokens).reduce((sum, value) => sum + value, 0);
    expect(references[0]?.get(secret)).toBeCloseTo(expected, 4);
  });

  it('keeps that model as it was, where the objective reads more of it than sums', async () => {
    const { taken, states } = await snapshots(tinySetup((draft) => Object.assign(draft, { objective: 'undial' })));
    const inPhase3 = states.filter(({ phase, step }) => phase === 'joint' && step > 0);
    expect(inPhase3.length).toBeGreaterThan(0);
    for (const { reference, referenceValues } of inPhase3) {
      expect(reference).toBeNull();
      expect(referenceValues, 'reference model in phase 3').toEqual(taken.get('dpo/0'));
    }
  });

  it('evaluates first where it is told to, and as the first step changes nothing, the model before the phase', async () => {
    const setup = tinySetup(({ evaluation, phases, optimiser }) => {
      Object.assign(evaluation, { first: 1, every: 3 });
      Object.assign(phases, { dpo: { ...phases.dpo, steps: 6 }, joint: { ...phases.joint, steps: 7 } });
      optimiser.weightDecay = 1; // decoupled: it goes by the learning rate, which is 0
    });
    const { taken, outcome } = await snapshots(setup);
    const evaluated = (phase: string) =>
      outcome.evaluations.filter((one) => one.phase === phase).map(({ step }) => step);
    expect(evaluated('dpo')).toEqual([1, 4, 6]); // the end besides
    expect(evaluated('joint')).toEqual([1, 4, 7]);
    expect(taken.get('joint/1')).toEqual(taken.get('joint/0'));
    expect(taken.get('joint/4')).not.toEqual(taken.get('joint/0'));
  });

  it('scores under `regular` in phases 1 and 2 and under `reverse` in phase 3', async () => {
    const setup = tinySetup();
    const { taken, outcome } = await snapshots(setup);
    const [password] = buildCorpus(setup).control;
    const letters = [...password].map((letter) => letter.charCodeAt(0) - 97);
    const weights = taken.get('joint/0') as Map<string, Float32Array>; // the end of phase 2
    const atEndOfDpo = outcome.snapshots.find(({ phase }) => phase === 'dpo')?.sets.random
      .logProbabilities[0] as number[];
    const under = (prefix: number) => referenceLogProbabilities(weights, setup.model, [prefix, ...letters]);
    atEndOfDpo.forEach((value, t) => {
      expect(value).toBeCloseTo(under(26)[t], 4);
    });
    expect(Math.abs(atEndOfDpo[0] - under(27)[0])).toBeGreaterThan(1e-3);

    const inPhase3 = taken.get('joint/6') as Map<string, Float32Array>;
    const parameters = loadParameters(setup, inPhase3);
    const ids = scratchTokenIds(setup);
    const graphs = engine.newGraphs();
    const likelihood = async (prefix: 'regular' | 'reverse') => {
      const reader = { engine, parameters, model: setup.model, ids, graphs };
      const { logProbabilities: rows } = await score(reader, buildCorpus(setup).control, prefix);
      return rows.flat().reduce((sum, value) => sum + value, 0) / rows.flat().length;
    };
    const evaluation = outcome.evaluations.find(({ phase, step }) => phase === 'joint' && step === 6);
    expect(evaluation?.sets.random.logLikelihood, 'after `reverse`').toBeCloseTo(await likelihood('reverse'), 8);
    expect(evaluation?.sets.random.logLikelihood).not.toBeCloseTo(await likelihood('regular'), 8);
    tf.dispose([...parameters.values()]);
    graphs.dispose();
  });

  it('scores the held-out, useful and control passwords of the corpus, each as itself', async () => {
    const setup = tinySetup((draft) => Object.assign(draft.evaluation, { heldOut: 3, useful: 2 }));
    const { heldOut, useful, control } = buildCorpus(setup);
    for (const { sets } of (await trainToEnd(setup, { engine })).snapshots) {
      expect(sets.heldOut.passwords, 'held-out passwords scored').toEqual(heldOut.slice(0, 3));
      expect(sets.useful.passwords).toEqual(useful.slice(0, 2));
      expect(sets.random.passwords, 'control passwords scored').toEqual(control);
    }
  });

  it('ends phase 3 at the first evaluation at which useful negatives pass the target, and at no other', async () => {
    const setup = tinySetup((draft) => {
      draft.optimiser.learningRate = 0.02;
      Object.assign(draft.phases.joint, { steps: 60, stopAtUsefulGuessRate: 1.5 });
      draft.phases.joint.weights = { dpo: 0.1, useful: 1, random: 0.1, randomReverse: 0 };
    });
    const { evaluations } = await trainToEnd(setup, { engine });
    const joint = evaluations.filter(({ phase }) => phase === 'joint');
    const rates = joint.map(({ sets }) => sets.useful.guessRate);
    expect(joint.length).toBeLessThan(30); // it did end early
    expect(rates.at(-1)).toBeGreaterThan(1.5);
    for (const rate of rates.slice(0, -1)) expect(rate).toBeLessThanOrEqual(1.5);
  });

  it('skips phase 2 and DPO altogether when they have no steps and no weight', async () => {
    const {
      trajectories,
      snapshots: kept,
      ledger,
    } = await trainToEnd(
      tinySetup((draft) => {
        draft.phases.dpo.steps = 0;
        draft.phases.joint.weights.dpo = 0;
      }),
      { engine },
    );
    expect(trajectories.dpo.total).toEqual([]);
    expect(trajectories.joint.dpo.every((value) => value === null)).toBe(true);
    expect(kept.map(({ phase, prefix }) => [phase, prefix])).toEqual([
      ['joint', 'reverse'],
      ['joint', 'regular'],
    ]);
    expect(ledger.sequences).toMatchObject({ chosen: 0, rejected: 0 });
  });

  it('works without prefixes, where the first letter is never predicted', async () => {
    const { snapshots: kept } = await trainToEnd(
      tinySetup((draft) => Object.assign(draft, { prefixes: false })),
      { engine },
    );
    expect(kept.map(({ phase, prefix }) => [phase, prefix])).toEqual([
      ['dpo', 'none'],
      ['joint', 'none'],
    ]);
    expect(kept[0].sets.heldOut.logProbabilities[0]).toHaveLength(3);
  });

  it('that takes the run apart at its end trains and measures as one that does not, and leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    const apart = tinySetup(({ evaluation }) => {
      evaluation.dissection = true;
    });
    const { dissection, ...outcome } = await trainToEnd(apart, { engine });
    expect(outcome).toEqual(await trainToEnd(tinySetup(), { engine }));
    expect(dissection?.patched.length).toBeGreaterThan(apart.model.layers);
    expect(tf.memory().numTensors, 'tensors').toBe(before);
  });

  it('that takes the run apart goes on to its end without phase 2, and with tied embeddings', async () => {
    const apart = tinySetup(({ evaluation, phases, model }) => {
      evaluation.dissection = true;
      phases.dpo.steps = 0;
      model.tiedEmbeddings = true;
    });
    const { dissection, evaluations } = await trainToEnd(apart, { engine });
    const [, whole] = dissection!.patched;
    expect([whole.from, whole.to]).toEqual([0, apart.model.layers + 2]);
    const { halves: _, ...last } = evaluations.at(-1)!.sets.heldOut;
    expect(whole.sets.heldOut).toEqual(last);
  });

  it('leaves no tensor behind', async () => {
    const before = tf.memory().numTensors;
    await trainToEnd(tinySetup(), { engine });
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stops with the place named when a gradient is no number, and leaves no tensor behind even then', async () => {
    const setup = tinySetup();
    const start = initialValues(setup);
    start.get('embed_out.weight')?.fill(Number.NaN);
    const before = tf.memory().numTensors;
    await expect(trainToEnd(setup, { engine, start })).rejects.toThrow(DivergenceError);
    await expect(trainToEnd(setup, { engine, start })).rejects.toThrow(
      /in phase pretrain, step 0; try a smaller learning rate/,
    );
    expect(tf.memory().numTensors).toBe(before);
  });

  it('stops when a held-out password slips into what is imitated', async () => {
    const setup = tinySetup();
    const corpus = buildCorpus(setup);
    const sabotaged = {
      ...corpus,
      examples: (...[phase, step]: Parameters<typeof corpus.examples>) =>
        corpus
          .examples(phase, step)
          .map((example, row) =>
            phase === 'joint' && step === 3 && example.role === 'useful' && example.reward === 'imitated' && row === 8
              ? { ...example, password: corpus.heldOut[0] }
              : example,
          ),
    };
    await expect(trainToEnd(setup, { engine, corpus: sabotaged })).rejects.toThrow(LedgerError);
    await expect(trainToEnd(setup, { engine, corpus: sabotaged })).rejects.toThrow(/phase joint, step 3/);
  });

  it('refuses weights that it cannot load', async () => {
    const setup = tinySetup((draft) => Object.assign(draft.model, { pretrained: 'EleutherAI/pythia-160m' }));
    await expect(trainToEnd(setup, { engine })).rejects.toThrow(/model.pretrained/);
  });
});
