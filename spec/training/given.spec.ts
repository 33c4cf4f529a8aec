/**
 * What the optimiser really got. The ledger's evidence comes from the tensors that enter a step, and a running digest of
 * them is in the record; here both digests are computed again from the setup, by code that shares nothing with src/ but the
 * corpus and the names of the parameters.
 */
import { createHash } from 'node:crypto';
import { beforeAll, describe, expect, it } from 'vitest';
import { startEngine, tf } from '../../src/engine/engine.ts';
import { parameterSpecifications } from '../../src/model/parameters.ts';
import { buildCorpus, type Corpus } from '../../src/passwords/corpus.ts';
import { batchGiven, LedgerError } from '../../src/passwords/ledger.ts';
import { updatesDigest } from '../../src/recipe/updates.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { trainToEnd } from '../../src/training/trainer.ts';
import { tinySetup } from '../helpers/setups.ts';

beforeAll(() => startEngine());

const sha256 = (...parts: (string | Uint8Array)[]) => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest('hex');
};

const PHASES = ['pretrain', 'dpo', 'joint'] as const;

/** The digest of every token of every step: chained, letters by their place in the alphabet, then the two prefixes. */
function dataDigest(setup: Setup, corpus: Pick<Corpus, 'examples'>): string {
  const { alphabet } = setup.passwords;
  const prefix = { regular: [alphabet.length], reverse: [alphabet.length + 1], none: [] };
  let digest = '';
  for (const phase of PHASES) {
    for (let step = 0; step < setup.phases[phase].steps; step++) {
      const rows = corpus.examples(phase, step);
      const tokens = rows.flatMap((row) => [
        ...prefix[row.prefix],
        ...[...row.password].map((letter) => alphabet.indexOf(letter)),
      ]);
      const rewards = rows.map(({ reward }) => reward[0]).join('');
      digest = sha256(`${digest}/${phase}/${step}/${rewards}/`, new Uint8Array(Int32Array.from(tokens).buffer));
    }
  }
  return digest;
}

/** JSON with its keys in order. */
const json = (value: unknown): string =>
  JSON.stringify(value, (_, part) =>
    part !== null && typeof part === 'object' && !Array.isArray(part)
      ? Object.fromEntries(
          Object.keys(part)
            .sort()
            .map((key) => [key, part[key]]),
        )
      : part,
  );

/** The digest of how every update is made. */
function updates({ beta, optimiser, phases, ...setup }: Setup): string {
  const names = (all: boolean) =>
    parameterSpecifications(setup as Setup)
      .filter(({ firstHalf }) => all || firstHalf)
      .map(({ name }) => name);
  const weights = {
    pretrain: { dpo: 0, useful: 0, random: 1, randomReverse: 0 },
    dpo: { dpo: 1, useful: 0, random: 0, randomReverse: 0 },
    joint: phases.joint.weights,
  };
  let digest = '';
  for (const phase of PHASES) {
    const { steps } = phases[phase];
    for (let step = 0; step < steps; step++) {
      const { warmupSteps: warm, learningRate: base } = optimiser;
      const rate = step < warm ? (base * step) / warm : (base * (1 + Math.cos((Math.PI * (step - warm)) / steps))) / 2;
      const trainable = names(phase !== 'dpo' || phases.dpo.trainable === 'all');
      const update = {
        phase,
        step,
        weights: weights[phase],
        beta,
        optimiser,
        learningRate: Math.fround(rate),
        trainable,
      };
      digest = sha256(`${digest}/${json(update)}`);
    }
  }
  return digest;
}

const SETUPS: [string, (setup: Setup) => void][] = [
  ['as it is', () => {}],
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
    const { ledger } = await trainToEnd(setup);
    expect(ledger.digest, 'digest of the tokens that training was given').toBe(dataDigest(setup, buildCorpus(setup)));
  });

  it.each(SETUPS)('has the digest of the updates that the setup makes, %s', async (_, change) => {
    const setup = tinySetup(change);
    const { digests } = await trainToEnd(setup);
    expect(digests.updates).toBe(updates(setup));
    expect(updatesDigest(setup, setup.phases.joint.steps)).toBe(updates(setup));
  });

  it('has the same digests where its steps were taken in passes', async () => {
    const setup = tinySetup();
    const { ledger, digests } = await trainToEnd(setup, { execution: { microBatch: 3 } });
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
    const { ledger } = await trainToEnd(setup, { corpus: other });
    expect(ledger.digest).not.toBe(dataDigest(setup, corpus));
    expect(ledger.digest).toBe(dataDigest(setup, other));
  });

  it.each([
    [
      'learning rate',
      (setup: Setup) => {
        setup.optimiser.learningRate *= 0.5;
      },
    ],
    [
      'weight decay',
      (setup: Setup) => {
        setup.optimiser.weightDecay = 0;
      },
    ],
    [
      'beta',
      (setup: Setup) => {
        setup.beta = 0.2;
      },
    ],
    [
      'weight of a loss',
      (setup: Setup) => {
        setup.phases.joint.weights.useful = 0.6;
      },
    ],
    [
      'warm-up',
      (setup: Setup) => {
        setup.optimiser.warmupSteps = 3;
      },
    ],
    [
      'frozen half',
      (setup: Setup) => {
        setup.phases.dpo.trainable = 'first-half';
      },
    ],
  ])('has another digest of its updates for another %s', (_, change) => {
    expect(updatesDigest(tinySetup(change), 8)).not.toBe(updatesDigest(tinySetup(), 8));
  });

  it('counts the texts that were rewarded by what the ledger saw, not by what was drawn', async () => {
    const setup = tinySetup((draft) => {
      draft.phases.joint.weights.random = 0;
    });
    const { overlap } = await trainToEnd(setup);
    const kinds = [...new Set(overlap.map(({ text }) => text))];
    expect(kinds, `kinds of rewarded text: ${kinds}`).toEqual(['pretraining', 'chosen', 'useful']);
    expect(overlap.find(({ text }) => text === 'pretraining')?.texts).toBe(setup.batch * setup.phases.pretrain.steps);
  });
});

describe('the batch that a step’s tensors hold', () => {
  it('is every sequence of inputs and labels, whole', () => {
    const { tokens, rows, length } = batchGiven([26, 0, 1, 27, 2, 3], [0, 1, 2, 2, 3, 4], 3);
    expect({ tokens: [...tokens], rows, length }).toEqual({ tokens: [26, 0, 1, 2, 27, 2, 3, 4], rows: 2, length: 4 });
  });

  it('is refused where labels are not the tokens that come next', () => {
    expect(() => batchGiven([26, 0, 1], [0, 2, 2], 3), 'labels of another text').toThrow(LedgerError);
    expect(() => batchGiven([26, 0, 1], [0, 2, 2], 3)).toThrow(
      /sequence 0 is to predict token 2 where token 1 comes next/,
    );
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
    await expect(trainToEnd(setup, { corpus: leaky })).rejects.toThrow(LedgerError);
    expect(tf.memory().numTensors).toBe(before);
  });
});
