import { mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { armSetup, DISSECTED, DOSE, HELD_OUT_SHARES, MAIN, NO_DPO } from '../../src/claims/arms.ts';
import { CLAIMS, CORE } from '../../src/claims/index.ts';
import { abridge } from '../../src/records/abridge.ts';
import type { WholeRun } from '../../src/records/record.ts';
import { archiveStudy, evidenceOf, noteStudy, READ_WHOLE, readStudy, type Study } from '../../src/records/study.ts';
import { viewOf, viewsOf } from '../../src/records/view.ts';
import { setupHash } from '../../src/setup/hash.ts';
import { PRESETS } from '../../src/setup/presets.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { effect, failedRun, madeUpRun } from '../helpers/records.ts';

const { 'pocket-memorising': pocket } = PRESETS;

/** A made-up run of an arm of `pocket`, as if it had been trained. */
function runOf(arm: typeof MAIN, seed: number): WholeRun {
  const setup = armSetup({ ...pocket, seed }, arm);
  const run = madeUpRun(seed, effect, arm === NO_DPO ? 'no-dpo' : 'main');
  const snapshots = run.snapshots.map((one) => (setup.prefixes ? one : { ...one, prefix: 'none' as const }));
  return { ...run, snapshots, setup, setupHash: setupHash(setup) };
}

const study = (): Study => ({
  setup: { ...pocket, seed: 0 },
  commands: ['npm run reproduce -- --seeds 5'],
  source: 'made up',
  records: [1, 2, 3, 4, 5].flatMap((seed) => [runOf(MAIN, seed), runOf(NO_DPO, seed), runOf(HELD_OUT_SHARES[0], seed)]),
});

describe('an archive', () => {
  it('reads back as the study, with as many records, failed ones included', async () => {
    const file = path.join(temporaryFolder(), 'pocket.jsonl.br');
    const whole = { ...study(), records: [...study().records, failedRun(9)] };
    expect(await archiveStudy(whole, file)).toBe(statSync(file).size);
    const { records, setup, commands, source } = await readStudy(file);
    expect({ setup, commands, source }).toEqual({ setup: whole.setup, commands: whole.commands, source: file });
    expect(records.map(({ setupHash: hash, status }) => [hash, status])).toEqual(
      whole.records.map(({ setupHash: hash, status }) => [hash, status]),
    );
    expect(records[0].setup).toEqual(whole.records[0].setup);
  });

  it('of equal studies has equal bytes', async () => {
    const folder = temporaryFolder();
    const [one, two] = ['one', 'two'].map((name) => path.join(folder, `${name}.jsonl.br`));
    await archiveStudy(study(), one);
    await archiveStudy(study(), two);
    expect(readFileSync(two)).toEqual(readFileSync(one));
  });

  it('gives the judgements of the whole records, to a thousandth', async () => {
    const file = path.join(temporaryFolder(), 'pocket.jsonl.br');
    await archiveStudy(study(), file);
    const evidence = evidenceOf(await readStudy(file));
    for (const claim of CORE) {
      const [whole, kept] = [claim.weigh(viewsOf(evidenceOf(study()))), claim.weigh(viewsOf(evidence))];
      expect(kept.verdict).toBe(whole.verdict);
      expect(kept.estimate).toBeCloseTo(whole.estimate as number, 3);
    }
  });

  it('keeps of a run that only a grid reads its last snapshot, and of the others all', () => {
    const [main] = study().records as WholeRun[];
    expect(abridge(main, false).snapshots).toHaveLength(main.snapshots.length);
    const cell = abridge(main, true);
    expect(cell.snapshots.map(({ phase }) => phase)).toEqual(['joint']);
    expect(Object.keys(cell.snapshots[0].sets.heldOut)).toEqual(['logProbabilities', 'lens', 'calibrated']);
  });

  it('keeps enough of every run for every claim that reads it', () => {
    // What is taken apart has numbers of its own, which an archive leaves as they are.
    const read = CLAIMS.filter(({ arms }) => !arms.includes(DISSECTED));
    expect(read.length).toBeGreaterThan(20);
    const whole = new Set(READ_WHOLE);
    for (const claim of read) {
      const views = Object.fromEntries(
        claim.arms.map((arm) => {
          const runs = [1, 2, 3, 4, 5].map((seed) => abridge(runOf(arm, seed), !whole.has(arm)));
          return [arm.id, runs.map(viewOf)];
        }),
      );
      expect(() => claim.weigh(views), claim.id).not.toThrow();
    }
  });

  it('that is cut off, or no archive, is refused with its name', async () => {
    const file = path.join(temporaryFolder(), 'pocket.jsonl.br');
    await archiveStudy(study(), file);
    writeFileSync(file, readFileSync(file).subarray(0, 500));
    await expect(readStudy(file)).rejects.toThrow(/pocket\.jsonl\.br is no archive .*truncated/);
    await expect(readStudy('/nowhere.jsonl.br')).rejects.toThrow(/\/nowhere\.jsonl\.br holds no study/);
    await expect(readStudy('/nowhere')).rejects.toThrow(/holds no study: give an archive/);
  });
});

describe("a job's folder", () => {
  it('notes the setup that its arms change and every command that filled it, once', async () => {
    const folder = temporaryFolder();
    mkdirSync(path.join(folder, 'runs'));
    for (const command of ['one', 'two', 'one']) await noteStudy(folder, { ...pocket, seed: 7 }, command);
    const [record] = study().records;
    writeFileSync(path.join(folder, 'runs', 'a.json'), JSON.stringify(record));
    expect(await readStudy(folder)).toEqual({
      setup: { ...pocket, seed: 0 },
      execution: { microBatch: null },
      commands: ['one', 'two'],
      records: [record],
      source: folder,
    });
  });

  it('refuses runs of another setup', async () => {
    const folder = temporaryFolder();
    await noteStudy(folder, pocket, 'one');
    await expect(noteStudy(folder, { ...pocket, beta: 0.7 }, 'two')).rejects.toThrow(/holds runs of another setup/);
  });

  it('with a damaged note is refused with the field', async () => {
    const folder = temporaryFolder();
    writeFileSync(path.join(folder, 'study.json'), '{"setup": {}}');
    await expect(readStudy(folder)).rejects.toThrow(/study\.json names no study: setup/);
    writeFileSync(path.join(folder, 'study.json'), '{"set');
    await expect(readStudy(folder)).rejects.toThrow(/study\.json is no JSON/);
  });
});

describe('evidence', () => {
  it('finds the runs of every arm by what they are, whatever they are called', () => {
    const evidence = evidenceOf(study());
    const same = [
      ...['held-out-4', 'size-2', 'prefix-only', DOSE[0].id],
      ...['decay-width:decay=0.01,width-2', 'decay-repeats:decay=0.01,repeats*1', 'milder-weights'],
    ];
    expect(Object.keys(evidence)).toEqual(['main', 'no-dpo', 'held-out-1', ...same]);
    // These arms change nothing of pocket: they are its own runs.
    for (const arm of same) expect(evidence[arm]).toEqual(evidence.main);
    expect(evidence['held-out-1'].map(({ setup }) => setup.passwords.heldBatches)).toEqual([1, 1, 1, 1, 1]);
  });
});
