/** `verify` passes on what runs left, and fails on what was changed since, case by case. */
import { cpSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { beforeAll, describe, expect, it } from 'vitest';
import { ABLATION, ARMS, armSetup } from '../../src/claims/arms.ts';
import { familyOf } from '../../src/claims/family.ts';
import { CLAIMS } from '../../src/claims/index.ts';
import { JOURNAL } from '../../src/records/journal.ts';
import type { WholeRun } from '../../src/records/record.ts';
import { archiveStudy, readStudy } from '../../src/records/study.ts';
import { claimsJson } from '../../src/report/files/claims-json.ts';
import { setupHash } from '../../src/setup/hash.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { changed, linesOf, scale } from '../helpers/archives.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { fillFolder, studySetup } from '../helpers/trained.ts';
import { written } from '../helpers/written.ts';

const WASM = path.join('reports', 'records', 'pocket.jsonl.br');
const SEEDS = [41, 42, 43];
const NO_DPO = ARMS.find(({ id }) => id === 'no-dpo')!;

/** What `verify` says, and its exit code. */
const verify = (...args: string[]) => written('verify', ...args);

/** Runs of three seeds, with and without DPO. */
let folder: string;
/** Those of one seed alone. */
let few: string;
beforeAll(async () => {
  const runsOf = (seed: number) => [studySetup(seed), armSetup(studySetup(seed), NO_DPO)];
  [folder, few] = [sharedFolder(), sharedFolder()];
  await fillFolder(folder, SEEDS.flatMap(runsOf), true);
  await fillFolder(few, runsOf(43), true);
});

/** A copy of a folder, whose journal is gone unless it is wanted: whoever changes a record can change it too. */
function copy(of: string, journal = false): string {
  const other = temporaryFolder();
  cpSync(of, other, { recursive: true });
  if (!journal) rmSync(path.join(other, JOURNAL));
  return other;
}

const recordFile = (where: string, seed = 43): string => {
  const setup = studySetup(seed);
  const name = readdirSync(path.join(where, 'runs')).find((found) =>
    found.startsWith(`tiny-seed${seed}-${setupHash(setup).slice(0, 10)}`),
  );
  return path.join(where, 'runs', name as string);
};

function edit(file: string, change: (run: WholeRun) => void): void {
  const record = JSON.parse(readFileSync(file, 'utf8'));
  change(record);
  writeFileSync(file, JSON.stringify(record));
}

/** Multiplies every probability of held-out letters, and what follows from them, so that the record agrees with itself. */
function raiseHeldOut(run: WholeRun): void {
  const by = Math.log(1.2);
  for (const { sets } of run.snapshots) {
    for (const row of sets.heldOut.logProbabilities)
      row.forEach((value, place) => {
        row[place] = value + by;
      });
    for (const layer of sets.heldOut.lens) {
      layer.logLikelihood += by;
      layer.guessRate *= 1.2;
    }
    sets.heldOut.ranks = sets.heldOut.ranks.map((row) => row.map(() => 0));
  }
  for (const { sets } of run.evaluations) {
    const { halves, ...whole } = sets.heldOut;
    const raised = (measures: typeof whole) => ({
      logLikelihood: measures.logLikelihood + by,
      perf: measures.perf + by,
      guessRate: measures.guessRate * 1.2,
      topRate: 26,
    });
    sets.heldOut = { ...raised(whole), halves: [raised(halves[0]), raised(halves[1])] };
  }
}

describe('on a folder of runs', () => {
  it('agrees: data, overlaps, digests, kept models; and says what it could not check', async () => {
    const { code, out } = await verify(folder);
    expect(out).toMatch(/│ data +│ 6 +│ 0 +│ 0 /);
    expect(out).toMatch(/│ parameters +│ 6 +│ 0 +│ 0 /);
    expect(out).toMatch(/verdicts: no verdicts stand beside the records/);
    expect(out).toMatch(/retrained: --retrain N trains N of them again/);
    expect(out).toMatch(/6 records, 0 of failed runs, in tiny \(.*\): all that could be checked agrees/);
    expect(code).toBe(0);
  });

  it('trains some again, chosen at random, and finds them as they were', async () => {
    const { code, out, err } = await verify(folder, '--retrain', '2', '--seed', '1', '--jobs', '1');
    expect(err).toMatch(/training 2 of 6 runs again on \w+: tiny/);
    expect(out).toMatch(/│ retrained +│ 2 +│ 0 +│ 0 /);
    expect(code).toBe(0);
    const other = await verify(folder, '--retrain', '2', '--seed', '2', '--jobs', '1');
    expect(other.err.split('\n')[0]).not.toBe(err.split('\n')[0]);
  });

  it('prints one JSON document when asked', async () => {
    const { code, out } = await verify(folder, '--json');
    expect(JSON.parse(out)).toMatchObject({
      records: 6,
      agrees: true,
      differing: [],
      checks: { data: { agree: 6, differ: 0 } },
    });
    expect(code).toBe(0);
  });
});

/** Changes of one record that leave a folder which can be read. */
const TAMPERED: [string, (run: WholeRun) => void, RegExp][] = [
  [
    'held-out letters likelier, and everything in the record with them',
    raiseHeldOut,
    /parameters: .*scores letters of heldOut/,
  ],
  [
    'log-probabilities of one set scaled',
    (run) => scale(run.snapshots[1].sets.heldOut.logProbabilities, 0.97),
    /numbers: .*(log-probabilities|last layer)/,
  ],
  [
    'a guess rate',
    (run) => {
      run.evaluations.at(-1)!.sets.heldOut.guessRate = 1.5;
    },
    /numbers: .*halves/,
  ],
  [
    'the ledger’s digest',
    (run) => {
      run.ledger.digest = 'f'.repeat(64);
    },
    /data: its ledger has another digest/,
  ],
  [
    'rejections',
    (run) => {
      run.ledger.heldOutRejections.most += 1;
    },
    /data: its ledger has another heldOutRejections/,
  ],
  [
    'held-out sequences imitated',
    (run) => {
      run.ledger.heldOut.imitated = 500;
    },
    /numbers: its ledger counts 500/,
  ],
  [
    'an overlap',
    (run) => {
      const [one] = run.overlap;
      one.heldOut += 1;
    },
    /overlap: \d+ held-out and \d+ control matches/,
  ],
  [
    'digests of passwords',
    (run) => {
      run.digests!.passwords.jointRandom = 'f'.repeat(64);
    },
    /passwords: jointRandom/,
  ],
  [
    'the initial parameters',
    (run) => {
      run.digests!.initialParameters = 'f'.repeat(64);
    },
    /initial parameters: their digest is another/,
  ],
  [
    'the trained parameters',
    (run) => {
      run.parametersDigest = 'f'.repeat(64);
    },
    /parameters: .* holds other parameters/,
  ],
  [
    'its learning rate',
    (run) => {
      run.setup.optimiser.learningRate = 0.5;
      run.setupHash = setupHash(run.setup);
    },
    /updates: its updates were not made/,
  ],
  [
    'its seed',
    (run) => {
      run.setup.seed = 77;
      run.setupHash = setupHash(run.setup);
    },
    /data: its ledger has another .*digest/,
  ],
];

describe('fails on a tampered copy', () => {
  it.each(TAMPERED)('%s', async (_, change, why) => {
    const other = copy(few);
    edit(recordFile(other), change);
    const { code, out } = await verify(other);
    expect(out).toMatch(why);
    expect(out).toMatch(/\d+ checks? differ/);
    expect(code, 'exit code of verify').toBe(1);
  });

  it.each(TAMPERED)('%s, before it even looks, where the journal is left', async (_, change) => {
    const other = copy(few, true);
    edit(recordFile(other), change);
    const { code, err } = await verify(other);
    expect(err).toMatch(/was changed since it was written/);
    expect(code).toBe(2);
  });

  it('from which a record was taken', async () => {
    const other = copy(few, true);
    rmSync(recordFile(other));
    expect(await verify(other)).toMatchObject({
      code: 2,
      err: expect.stringMatching(/lacks records of runs that ended there/),
    });
  });

  it('in which one run stands for two seeds', async () => {
    const other = copy(folder);
    const run = JSON.parse(readFileSync(recordFile(other, 41), 'utf8'));
    run.setup.seed = 43;
    run.setupHash = setupHash(run.setup);
    writeFileSync(recordFile(other), JSON.stringify(run));
    const { code, out } = await verify(other);
    expect(out).toMatch(/independence: .*seed 41 and seed 43 have the same trained parameters/);
    expect(code).toBe(1);
  });

  it('whose trained numbers are those of no training: seen by training it again', async () => {
    const other = copy(few);
    rmSync(path.join(other, 'models'), { recursive: true });
    edit(recordFile(other), (run) => {
      run.parametersDigest = 'f'.repeat(64);
    });
    expect((await verify(other)).code).toBe(0); // nothing here could tell
    const { code, out } = await verify(other, '--retrain', '2', '--jobs', '1');
    expect(out).toMatch(/│ retrained +│ 1 +│ 1 +│ 0 /);
    expect(out).toMatch(/retrained: it ended in other parameters/);
    expect(code).toBe(1);
  });

  it.each([
    ['another browser or Node', 1e-13, true],
    ['another browser or Node', 1e-6, false],
    [null, 1e-13, false],
  ])('whose guess rate, computed by %s, is %f apart: trained again it agrees: %s', async (node, apart, agrees) => {
    const other = copy(few);
    rmSync(path.join(other, 'models'), { recursive: true });
    edit(recordFile(other), (run) => {
      if (node !== null) run.environment.node = node;
      run.evaluations[0].sets.random.guessRate += apart;
    });
    const { out } = await verify(other, '--retrain', '2', '--jobs', '1');
    if (agrees) expect(out).toMatch(/│ retrained +│ 2 +│ 0 +│ 0 /);
    else expect(out).toMatch(/retrained: its evaluations are others/);
  });

  it('beside which other verdicts stand', async () => {
    const other = copy(folder);
    const claims = path.join(other, 'claims.json');
    const [main] = CLAIMS;
    const records = SEEDS.map((seed) => JSON.parse(readFileSync(recordFile(other, seed), 'utf8')));
    const judgement = main.judge({ main: records });
    const study = { setup: studySetup(), commands: [], records, source: other };
    const judged = familyOf([main], [{ ...judgement, verdict: 'reproduced' }]);
    writeFileSync(claims, claimsJson('mine', [{ name: 'tiny', study, ...judged, inPart: true, prediction: null }]));
    const { code, out } = await verify(other);
    expect(out).toMatch(/claim main: verdicts: it says reproduced, and the records give inconclusive/);
    expect(code).toBe(1);
    writeFileSync(claims, '{}');
    expect(await verify(other)).toMatchObject({ code: 2, err: expect.stringMatching(/is no claims\.json/) });
  });
});

describe('an archive that is made now', () => {
  it.each([
    ['runs that are read letter by letter', 'run', () => few],
    [
      'a run that only a grid reads',
      'cell',
      async () => {
        const other = temporaryFolder();
        await fillFolder(other, [armSetup(studySetup(41), ABLATION.both)]);
        return other;
      },
    ],
  ] as const)('of %s agrees, and one trained again ends as recorded', async (_, kind, where) => {
    const file = path.join(temporaryFolder(), 'made.jsonl.br');
    await archiveStudy(await readStudy(await where()), file);
    const { records } = await readStudy(file);
    expect(records.map((record) => record.status === 'finished' && record.abridged)).toEqual(records.map(() => kind));
    const { code, out } = await verify(file, '--retrain', '1', '--seed', '1', '--jobs', '1', '--json');
    const { checks, differing } = JSON.parse(out);
    expect(differing).toEqual([]);
    expect(code).toBe(0);
    expect(checks.numbers).toEqual({ agree: records.length, differ: 0, notChecked: 0 });
    expect(checks.retrained).toEqual({ agree: 1, differ: 0, notChecked: 0 });
  });
});

describe('an archive of a tiny study', () => {
  let lines: string[];
  beforeAll(async () => {
    const file = path.join(sharedFolder(), 'tiny.jsonl.br');
    await archiveStudy(await readStudy(few), file);
    lines = linesOf(file);
  });

  it('agrees in part as well', async () => {
    expect((await verify(changed(lines, () => {}))).code).toBe(0);
  });

  const CHANGES: [string, (run: WholeRun) => void][] = [
    ['held-out letters scaled', (run) => scale(run.snapshots[1].sets.heldOut.logProbabilities, 0.99)],
    [
      'held-out letters of the end of phase 2 scaled',
      (run) => scale(run.snapshots[0].sets.heldOut.logProbabilities, 0.98),
    ],
    [
      'an evaluation',
      (run) => {
        run.evaluations[2].sets.heldOut.guessRate += 0.05;
      },
    ],
    [
      'the last evaluation',
      (run) => {
        run.evaluations.at(-1)!.sets.heldOut.perf += 0.05;
      },
    ],
    [
      'both halves the same',
      (run) => {
        const { heldOut } = run.evaluations[1].sets;
        heldOut.halves[0] = heldOut.halves[1];
      },
    ],
    [
      'the ledger',
      (run) => {
        run.ledger.heldOut.rejected -= 16;
        run.ledger.useful.rejected += 16;
      },
    ],
    [
      'the ledger’s digest',
      (run) => {
        run.ledger.digest = run.ledger.digest.replace(/^./, (first) => (first === '0' ? '1' : '0'));
      },
    ],
    [
      'the overlap',
      (run) => {
        run.overlap[3].heldOut += 3;
      },
    ],
    [
      'a little overlap',
      (run) => {
        run.overlap[2].control += 1;
      },
    ],
    [
      'its seed',
      (run) => {
        (run.setup as Setup).seed = 500;
        run.setupHash = setupHash(run.setup);
      },
    ],
    [
      'its beta',
      (run) => {
        run.setup.beta = 0.4;
        run.setupHash = setupHash(run.setup);
      },
    ],
    [
      'its engine',
      (run) => {
        run.engine.name = 'native';
        run.snapshots[1].sets.random.logProbabilities[3][2] -= 2;
      },
    ],
    [
      'evaluations left out',
      (run) => {
        run.evaluations.splice(1, 1);
      },
    ],
  ];
  it.each(CHANGES)('fails on a copy with another number, though its digest was put right: %s', async (_, change) => {
    const { code, out } = await verify(changed(lines, change));
    expect(out).toMatch(/\d+ checks? differ/);
    expect(code).toBe(1);
  });

  it.each([
    ...CHANGES,
    [
      'its parameters',
      (run: WholeRun) => {
        run.parametersDigest = '0'.repeat(64);
      },
    ] as const,
  ])('is refused with its own digest: %s', async (_, change) => {
    const { code, err } = await verify(changed(lines, change as (run: WholeRun) => void, { careful: false }));
    expect(err).toMatch(/was changed since it was written/);
    expect(code).toBe(2);
  });
});

describe('a command line that cannot be carried out', () => {
  it.each([
    [['/nowhere'], /holds no study/],
    [[], /missing required argument/],
    [[WASM, '--retrain', 'all'], /--retrain: "all" must be a whole number/],
    [[WASM, '--against', WASM], /is no claims\.json/],
  ])('%s: exit code 2', async (args, message) => {
    const { code, err } = await verify(...(args as string[]));
    expect(err).toMatch(message as RegExp);
    expect(code).toBe(2);
  });
});
