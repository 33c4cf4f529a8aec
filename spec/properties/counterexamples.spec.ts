import { readFile, writeFile } from 'node:fs/promises';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { SMALLEST } from '../../src/properties/arbitraries.ts';
import { type Chunk, type Failure, tryChunk } from '../../src/properties/chunk.ts';
import { explain, readCounterexamples, saveCounterexample } from '../../src/properties/counterexample.ts';
import { PROPERTIES } from '../../src/properties/kinds.ts';
import type { PropertyKind } from '../../src/properties/property.ts';
import { RecordError } from '../../src/records/record.ts';
import { temporaryFolder } from '../helpers/folder.ts';

const engine = await startEngine();

const known = [...(await readCounterexamples())];

describe('what fuzzing once found', () => {
  it('is read from its files', () => {
    for (const [file, { explanation }] of known) expect(explanation, file).toContain('This is not true of');
  });

  it.each(known)('%s is true now', async (_, { property, setup }) => {
    await PROPERTIES.find(({ id }) => id === property)?.check(setup, engine);
  });
});

/** A kind of one property that is not true of setups with a large beta. */
const wrong: PropertyKind = {
  name: 'data',
  size: 'any',
  properties: [
    {
      id: 'data/pairs',
      statement: 'Beta is small.',
      check: ({ beta }) => {
        if (beta > 2) throw new Error(`beta is ${beta}`);
      },
    },
    {
      id: 'data/other',
      statement: 'Batches are small.',
      check: ({ batch }) => {
        if (batch > 10_000) throw new Error('a batch is large');
      },
    },
  ],
};
const chunk: Chunk = { kind: 'data', properties: ['data/pairs', 'data/other'], seed: 5, runs: 200 };

describe('a setup of which a property is not true', () => {
  const found = async (replay: Partial<Chunk> = {}) => {
    const seen: Omit<Failure, 'replay'>[] = [];
    const events = { onFailure: (failure: Omit<Failure, 'replay'>) => void seen.push(failure) };
    return { ...(await tryChunk({ ...chunk, ...replay }, engine, events, [wrong])), seen };
  };

  it('is shrunk towards pocket until nothing but what matters differs', async () => {
    const { failure, shrinks, setups } = await found();
    const { setup, property, message } = failure as Failure;
    expect(setup).toEqual({ ...SMALLEST.any, beta: setup.beta });
    expect([property, message]).toEqual(['data/pairs', `beta is ${setup.beta}`]);
    expect(shrinks).toBeGreaterThan(0);
    expect(setups).toBeLessThan(200);
  });

  it('is told at once, and then whenever it has become smaller', async () => {
    const { seen, failure } = await found();
    expect(seen.length).toBeGreaterThan(1);
    expect(seen.at(-1)?.setup).toEqual(failure?.setup);
  });

  it('is drawn again by its seed and path', async () => {
    const first = (await found()).failure as Failure;
    const again = await found({ ...first.replay, runs: 1 });
    expect(again.failure).toEqual(first);
    // As drawn, before any shrinking: what an interrupted run keeps.
    const [index] = first.replay.path.split(':');
    expect((await found({ seed: first.replay.seed, path: index, runs: 1 })).failure?.setup).toEqual(first.setup);
  });

  it('is explained in one paragraph: what, where, what instead, and how to see it', async () => {
    const failure = (await found()).failure as Failure;
    const paragraph = explain(failure);
    expect(paragraph).toBe(
      `${PROPERTIES.find(({ id }) => id === 'data/pairs')?.statement} This is not true of the preset pocket with beta=${failure.setup.beta}: ` +
        `beta is ${failure.setup.beta}. To see it: npm run fuzz -- --property data/pairs --seed ${failure.replay.seed} --path ${failure.replay.path}`,
    );
    expect(explain({ ...failure, setup: SMALLEST.any })).toContain('not true of the preset pocket: ');
  });

  it('is kept in a file that reads back, one file however often it is found', async () => {
    const folder = await temporaryFolder();
    const failure = (await found()).failure as Failure;
    const file = await saveCounterexample(failure, folder);
    expect(await saveCounterexample(failure, folder)).toBe(file);
    const { property, setup, replay } = failure;
    expect([...(await readCounterexamples(folder))]).toEqual([
      [file, { property, setup, replay, explanation: explain(failure) }],
    ]);
  });

  it('in a damaged file, or of a property that no longer exists, is refused by name', async () => {
    const folder = await temporaryFolder();
    expect([...(await readCounterexamples(path.join(folder, 'none')))]).toEqual([]);
    const file = await saveCounterexample((await found()).failure as Failure, folder);
    const text = await readFile(file, 'utf8');
    for (const damaged of [
      text.slice(0, 40),
      '{}',
      text.replace('"data/pairs"', '"data/gone"'),
      text.replace('"seed": 0', '"seed": -1'),
    ]) {
      await writeFile(file, damaged);
      await expect(readCounterexamples(folder)).rejects.toThrow(RecordError);
      await expect(readCounterexamples(folder)).rejects.toThrow(`${file} is no counterexample`);
    }
  });
});
