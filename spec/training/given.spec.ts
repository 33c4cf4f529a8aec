/**
 * What the optimiser really got. The ledger's evidence comes from the tensors that enter a step, and a running digest of
 * them is in the record; here both digests are computed again from the setup, by code that shares nothing with src/ but the
 * corpus and the names of the parameters.
 */
import { createHash } from 'node:crypto';
import { describe, expect, it } from 'vitest';
import { type Engine, startEngine, tf } from '../../src/engine/engine.ts';
import { buildCorpus, type Corpus } from '../../src/passwords/corpus.ts';
import { batchGiven, LedgerError } from '../../src/passwords/ledger.ts';
import type { Example } from '../../src/passwords/roles.ts';
import { updatesDigest } from '../../src/recipe/updates.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { trainToEnd } from '../../src/training/trainer.ts';
import { tinySetup } from '../helpers/setups.ts';
import { updates } from '../recipe/expected-updates.ts';

const engine = await startEngine();

const sha256 = (...parts: (string | Uint8Array)[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

const PHASES = ['pretrain', 'dpo', 'joint'] as const;

/** The tokens of a step's sequences: letters by their place in the alphabet, then the two prefixes. */
function tokensOf({ passwords: { alphabet } }: Setup, rows: readonly Example[]): number[] {
  const prefix = { regular: [alphabet.length], reverse: [alphabet.length + 1], none: [] };
  return rows.flatMap((row) => [...prefix[row.prefix], ...[...row.password].map((letter) => alphabet.indexOf(letter))]);
}

/** The digest of every token of every step, chained. @param tokens of a step */
function dataDigest(setup: Setup, corpus: Pick<Corpus, 'examples'>, tokens = tokensOf): string {
  let digest = '';
  for (const phase of PHASES) {
    for (let step = 0; step < setup.phases[phase].steps; step++) {
      const rows = corpus.examples(phase, step);
      const rewards = rows.map(({ reward }) => reward[0]).join('');
      digest = sha256(
        `${digest}/${phase}/${step}/${rewards}/`,
        new Uint8Array(Int32Array.from(tokens(setup, rows)).buffer),
      );
    }
  }
  return digest;
}

const SETUPS: [string, (setup: Setup) => void][] = [
  ['as it is', () => {}],
  ['with an objective that has no pairs', (setup) => Object.assign(setup, { objective: 'npo' })],
  [
    'without prefixes',
    (setup) => {
      setup.prefixes = false;
    },
  ],
  [
    'with every loss, and the second half frozen',
    (setup) => {
      setup.phases.joint.weights.randomReverse = 0.5;
      setup.phases.dpo.trainable = 'first-half';
    },
  ],
];

describe('the record of a run', () => {
  it.each(SETUPS)('has the digest of the very tokens that the setup gives, %s', async (_, change) => {
    const setup = tinySetup(change);
    const { ledger } = await trainToEnd(setup, { engine });
    expect(ledger.digest, 'digest of the tokens that training was given').toBe(dataDigest(setup, buildCorpus(setup)));
  });

  it.each(SETUPS)('has the digest of the updates that the setup makes, %s', async (_, change) => {
    const setup = tinySetup(change);
    const { digests } = await trainToEnd(setup, { engine });
    expect(digests.updates).toBe(updates(setup));
    const { pretrain, dpo, joint } = setup.phases;
    const steps = { pretrain: pretrain.steps, dpo: dpo.steps, joint: joint.steps };
    expect(updatesDigest(setup, steps)).toBe(updates(setup));
  });

  it('has the same digests where its steps were taken in passes', async () => {
    const setup = tinySetup();
    const { ledger, digests } = await trainToEnd(setup, { engine, execution: { microBatch: 3 } });
    expect(ledger.digest).toBe(dataDigest(setup, buildCorpus(setup)));
    expect(digests.updates).toBe(updates(setup));
  });

  it('has another digest for one other token, in one step', async () => {
    const setup = tinySetup();
    const corpus = buildCorpus(setup);
    const other: Corpus = {
      ...corpus,
      examples: (phase, step) =>
        corpus
          .examples(phase, step)
          .map((example) =>
            phase === 'joint' && step === 7 && example.password === corpus.jointRandom[7 * setup.batch]
              ? { ...example, password: 'qqqq' }
              : example,
          ),
    };
    const { ledger } = await trainToEnd(setup, { engine, corpus: other });
    expect(ledger.digest).not.toBe(dataDigest(setup, corpus));
    expect(ledger.digest).toBe(dataDigest(setup, other));
  });

  it('counts the texts that were rewarded by what the ledger saw, not by what was drawn', async () => {
    const setup = tinySetup((draft) => {
      draft.phases.joint.weights.random = 0;
    });
    const { overlap } = await trainToEnd(setup, { engine });
    const kinds = [...new Set(overlap.map(({ text }) => text))];
    expect(kinds, `kinds of rewarded text: ${kinds}`).toEqual(['pretraining', 'chosen', 'useful']);
    expect(overlap.find(({ text }) => text === 'pretraining')?.texts).toBe(setup.batch * setup.phases.pretrain.steps);
  });
});

/** The engine, which tells the token ids and labels of every pass that it computes. */
function observed(engine: Engine, tell: (ids: Int32Array, labels: Int32Array) => void): Engine {
  const look = ([ids, labels]: readonly tf.Tensor[]) => tell(ids.dataSync<'int32'>(), labels.dataSync<'int32'>());
  const { newGraphs, newResidentTraining } = engine;
  return {
    ...engine,
    newGraphs: () => {
      const graphs = newGraphs();
      return {
        run: (key, body, inputs) => {
          if (key.startsWith('step')) look(inputs);
          return graphs.run(key, body, inputs);
        },
        dispose: () => graphs.dispose(),
      };
    },
    newResidentTraining:
      newResidentTraining === null
        ? null
        : (...given) => {
            const training = newResidentTraining(...given);
            const { compute } = training;
            training.compute = (passes) => {
              for (const { inputs } of passes) look(inputs);
              return compute.call(training, passes);
            };
            return training;
          },
  };
}

describe('the batch that a step’s tensors hold', () => {
  it('is what the step is computed of', async () => {
    const setup = tinySetup();
    const computed: number[][] = [];
    const time = setup.passwords.length; // a prefix, and every letter but the last
    const engineHere = observed(engine, (ids, labels) => computed.push([...batchGiven(ids, labels, time).tokens]));
    const { ledger } = await trainToEnd(setup, { engine: engineHere });
    const digest = dataDigest(setup, buildCorpus(setup), () => computed.shift() as number[]);
    expect(digest, 'digest of the tokens that steps were computed of').toBe(ledger.digest);
    expect(computed).toEqual([]);
  });

  it('that does not fit its labels stops the run before it changes the parameters, and leaves no tensor', async () => {
    const setup = tinySetup();
    const corpus = buildCorpus(setup);
    const secret = corpus.heldOut[0];
    const leaky: Corpus = {
      ...corpus,
      examples: (phase, step) =>
        corpus
          .examples(phase, step)
          .map((example, row) =>
            phase === 'joint' && step === 3 && row === 9 ? { ...example, password: secret } : example,
          ),
    };
    const before = tf.memory().numTensors;
    await expect(trainToEnd(setup, { engine, corpus: leaky })).rejects.toThrow(LedgerError);
    expect(tf.memory().numTensors).toBe(before);
  });
});
