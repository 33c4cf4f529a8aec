/** What a verdict rests on is checked when it is given: records of real runs, then the same records tampered with. */
import { beforeAll, describe, expect, it } from 'vitest';
import { ARMS, armSetup, NOTHING_SHARED, UNSEEN } from '../../src/claims/arms.ts';
import { CLAIMS } from '../../src/claims/index.ts';
import { evidenceProblems, independenceProblems, inWords, runProblems } from '../../src/claims/validity.ts';
import { passwordsDigest } from '../../src/passwords/digests.ts';
import { abridge } from '../../src/records/abridge.ts';
import {
  type AbridgedCell,
  type AbridgedRun,
  arithmeticOf,
  parseRunRecord,
  type RunRecord,
  type WholeRun,
} from '../../src/records/record.ts';
import { setupHash } from '../../src/setup/hash.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { sharedFolder, temporaryFolder } from '../helpers/folder.ts';
import { failedRun } from '../helpers/records.ts';
import { fillFolder, studySetup } from '../helpers/trained.ts';

const claim = (id: string) => CLAIMS.find((known) => known.id === id)!;
const SEEDS = [11, 12, 13, 14, 15];
const NO_DPO = ARMS.find(({ id }) => id === 'no-dpo')!;

let main: WholeRun[];
let noDpo: WholeRun[];
beforeAll(async () => {
  main = await fillFolder(
    sharedFolder(),
    SEEDS.map((seed) => studySetup(seed)),
  );
  noDpo = await fillFolder(
    sharedFolder(),
    SEEDS.map((seed) => armSetup(studySetup(seed), NO_DPO)),
  );
});

/** A copy of the runs, of which `change` changes one. */
function tampered(change: (run: WholeRun) => void, which = 2): WholeRun[] {
  const copies = structuredClone(main);
  change(copies[which]);
  return copies;
}

/** The same run under another seed, everything else as it was. */
function relabelled(run: WholeRun, seed: number): WholeRun {
  const setup: Setup = { ...run.setup, seed };
  return { ...structuredClone(run), setup, setupHash: setupHash(setup) };
}

function expectInvalid(runs: readonly RunRecord[], why: RegExp): void {
  const judgement = claim('main').judge({ main: runs });
  expect(judgement.verdict, `it says ${judgement.verdict}, where ${why} should be the reason`).toBe('invalid');
  expect(judgement.reason, `reason: ${judgement.reason}; it should say ${why}`).toMatch(why);
  expect(judgement).toMatchObject({ estimate: null, interval: null, p: null, findings: [] });
}

describe('records of real runs', () => {
  it.each([
    UNSEEN,
    NOTHING_SHARED,
  ])('of the control $id bear a verdict, and none where they are tampered with', async (arm) => {
    const runs = await fillFolder(
      sharedFolder(),
      SEEDS.slice(0, 2).map((seed) => armSetup(studySetup(seed), arm)),
    );
    expect(evidenceProblems(claim(arm.id).arms, { main, [arm.id]: runs })).toEqual([]);
    const problemOf = (change: (run: WholeRun) => void) => {
      const copy = structuredClone(runs[0]);
      change(copy);
      return runProblems(copy).join('; ');
    };
    expect(
      problemOf(({ ledger }) => {
        delete ledger.standIns;
      }),
    ).toMatch(/passwords in the place of others, or does not, contrary to its setup/);
    expect(
      problemOf(({ ledger }) => {
        ledger.standIns!.chosen = 1;
      }),
    ).toMatch(/were not given as those others are/);
    expect(
      problemOf(({ ledger }) => {
        ledger.standIns![arm === UNSEEN ? 'imitated' : 'rejected'] = 4;
      }),
    ).toMatch(/were not given as those others are/);
    expect(
      problemOf(({ digests }) => {
        digests!.passwords.standIns = 'f'.repeat(64);
      }),
    ).toMatch(/passwords in the place of others are not those that its seed draws/);
    if (arm === UNSEEN)
      expect(
        problemOf(({ ledger }) => {
          ledger.heldOut.rejected = 3;
        }),
      ).toMatch(/3 held-out sequences, and others are in their place/);
  });

  it('that were taken apart bear a verdict, whole and abridged, and none where they are tampered with', async () => {
    const setup = studySetup(SEEDS[0]);
    setup.evaluation.dissection = true;
    const [run] = await fillFolder(sharedFolder(), [setup]);
    for (const kept of [run, abridge(run, false), abridge(run, true)])
      expect(runProblems(parseRunRecord(JSON.stringify(kept), 'archive'))).toEqual([]);
    const problemOf = (change: (dissection: NonNullable<WholeRun['dissection']>) => void) => {
      const copy = structuredClone(run);
      change(copy.dissection!);
      return runProblems(copy).join('; ');
    };
    const whole = (dissection: NonNullable<WholeRun['dissection']>) =>
      dissection.patched.find(({ from, to }) => from === 0 && to === setup.model.layers + 2)!;
    expect(problemOf(({ patched }) => patched.pop())).toMatch(/patched models are not those that a dissection has/);
    expect(
      problemOf(({ patched }) => {
        patched[3].from++;
      }),
    ).toMatch(/patched models are not those that a dissection has/);
    expect(problemOf(({ separations }) => separations.reverse())).toMatch(/was not read after every layer/);
    expect(problemOf(({ separations }) => separations[1].auc.pop())).toMatch(/was not read after every layer/);
    expect(
      problemOf((dissection) => {
        whole(dissection).sets.heldOut.guessRate += 0.01;
      }),
    ).toMatch(/says otherwise of the held-out passwords than its last evaluation/);
    expect(
      problemOf(({ patched }) => {
        patched[0].sets.useful.perf += 0.01;
      }),
    ).toMatch(/measures of the useful passwords in a patched model contradict each other/);
    const { dissection: _, ...without } = run;
    expect(runProblems(without).join('; ')).toMatch(/was not taken apart, as its setup asks/);
    expect(runProblems({ ...main[0], dissection: run.dissection }).join('; ')).toMatch(/its setup does not ask for it/);
  });

  it('that have no passwords in the place of others count none', () => {
    const [run] = structuredClone(main);
    run.ledger.standIns = { chosen: 0, rejected: 0, imitated: 0 };
    expect(runProblems(run).join('; ')).toMatch(/in the place of others, or does not, contrary to its setup/);
  });

  it('bear a verdict: nothing in them contradicts their setup, themselves or each other', () => {
    const problems = evidenceProblems(claim('no-dpo').arms, { main, 'no-dpo': noDpo });
    expect(problems, problems.join('; ')).toEqual([]);
    const unfinished = [...main, ...noDpo].filter(({ status }) => status !== 'finished');
    expect(unfinished, `${unfinished.length} runs failed`).toEqual([]);
    for (const id of ['main', 'control', 'avoidance', 'manipulation', 'no-dpo', 'paper-statistic'])
      expect(claim(id).judge({ main, 'no-dpo': noDpo }).verdict, id).not.toBe('invalid');
  });

  it('bear the same verdict once they are abridged for an archive', () => {
    for (const cell of [false, true]) {
      const kept = main.map((run) => parseRunRecord(JSON.stringify(abridge(run, cell)), 'archive'));
      expect(kept.flatMap((run) => runProblems(run))).toEqual([]);
    }
  });

  it.each([
    [
      'without prefixes',
      (setup: Setup) => {
        setup.prefixes = false;
      },
    ],
    [
      'with every kind of text',
      (setup: Setup) => {
        setup.phases.joint.weights.randomReverse = 0.5;
      },
    ],
    [
      'without random text in phase 3',
      (setup: Setup) => {
        setup.phases.joint.weights.random = 0;
      },
    ],
    [
      'of a phase 3 that ends early',
      (setup: Setup) => {
        setup.phases.joint.stopAtUsefulGuessRate = 1.01;
      },
    ],
    [
      'of a phase 2 that ends early',
      (setup: Setup) => {
        setup.phases.dpo.stopAtHeldOutGuessRate = 0.97;
      },
    ],
    ...(['gradient-ascent', 'kto', 'undial'] as const).map((objective): [string, (setup: Setup) => void] => [
      `of the objective ${objective}`,
      (setup) => {
        setup.objective = objective;
      },
    ]),
    [
      'evaluated at odd steps',
      (setup: Setup) => {
        setup.evaluation.every = 5;
      },
    ],
    [
      'of one scored password a set',
      (setup: Setup) => void Object.assign(setup.evaluation, { heldOut: 1, useful: 1, random: 1 }),
    ],
    [
      'of three scored passwords a set',
      (setup: Setup) => void Object.assign(setup.evaluation, { heldOut: 3, useful: 3, random: 3 }),
    ],
    [
      'that goes through a part of its pairs',
      (setup: Setup) => {
        setup.phases.dpo.steps = 3;
        setup.phases.joint.steps = 2;
      },
    ],
    [
      'whose phases 2 and 3 have as many steps',
      (setup: Setup) => {
        setup.phases.joint.steps = 6;
      },
    ],
    [
      'whose phase 1 is left out',
      (setup: Setup) => {
        setup.phases.pretrain.steps = 0;
      },
    ],
    ['of two letters', (setup: Setup) => void Object.assign(setup.passwords, { alphabet: 'ab', length: 8 })],
  ])('bear a verdict %s', async (_, change) => {
    const [run] = await fillFolder(temporaryFolder(), [studySetup(21, change)]);
    expect(runProblems(run)).toEqual([]);
    expect(runProblems(abridge(run, false))).toEqual([]);
    expect(runProblems(abridge(run, true))).toEqual([]);
  });

  it('bear a verdict in passes', async () => {
    const [run] = await fillFolder(temporaryFolder(), [studySetup(21)], false, { microBatch: 3 });
    expect(run.execution).toEqual({ microBatch: 3 });
    expect(runProblems(run)).toEqual([]);
  });
});

describe('there is no verdict on runs that are no independent runs', () => {
  it('one run relabelled as five', () => {
    expectInvalid(
      SEEDS.map((seed) => relabelled(main[0], seed)),
      /have the same trained parameters/,
    );
  });

  it('one run relabelled as five, with the digests made up', () => {
    const copies = SEEDS.map((seed, index) => {
      const copy = relabelled(main[0], seed);
      copy.parametersDigest = `${index}`.repeat(64);
      copy.ledger.digest = `${index}`.repeat(64);
      return copy;
    });
    expectInvalid(copies, /seed 11 and seed 12 have the same scores|passwords are not those that its seed draws/);
    expect(evidenceProblems(claim('main').arms, { main: copies }).join()).toMatch(
      /the same scores, initial parameters/,
    );
  });

  it.each([
    [
      'held-out passwords',
      (run: WholeRun, other: WholeRun) => {
        run.digests!.passwords.heldOut = other.digests!.passwords.heldOut;
      },
    ],
    [
      'useful passwords',
      (run: WholeRun, other: WholeRun) => {
        run.digests!.passwords.useful = other.digests!.passwords.useful;
      },
    ],
    [
      'control passwords',
      (run: WholeRun, other: WholeRun) => {
        run.digests!.passwords.control = other.digests!.passwords.control;
      },
    ],
    [
      'chosen passwords',
      (run: WholeRun, other: WholeRun) => {
        run.digests!.passwords.chosen = other.digests!.passwords.chosen;
      },
    ],
    [
      'initial parameters',
      (run: WholeRun, other: WholeRun) => {
        run.digests!.initialParameters = other.digests!.initialParameters;
      },
    ],
    [
      'order of training data',
      (run: WholeRun, other: WholeRun) => {
        run.ledger.digest = other.ledger.digest;
      },
    ],
    [
      'trained parameters',
      (run: WholeRun, other: WholeRun) => {
        run.parametersDigest = other.parametersDigest;
      },
    ],
  ])('two seeds with the same %s', (what, change) => {
    const copies = structuredClone(main);
    change(copies[3], copies[1]);
    expect(evidenceProblems(claim('main').arms, { main: copies }).join()).toMatch(
      new RegExp(`seed 12 and seed 14 have the same ${what}`),
    );
  });

  it('a seed given twice', () => {
    expectInvalid([...main, main[0]], /seed 11 is given twice/);
  });

  it('runs of different setups as one arm', () => {
    const copies = structuredClone(main);
    copies[4].setup.beta = 0.2;
    copies[4].setupHash = setupHash(copies[4].setup);
    expectInvalid(copies, /the runs of one arm have different setups/);
  });

  it.each([
    [
      'two engines',
      (run: RunRecord) => {
        run.engine.name = run.engine.name === 'cpu' ? 'wasm' : 'cpu';
      },
    ],
    [
      'two versions of one engine',
      (run: RunRecord) => {
        run.engine.version = '0.0.1';
      },
    ],
  ])('runs of %s', (_, change) => {
    expectInvalid(tampered(change), /the runs are of different arithmetic: .*; /);
  });

  it('runs on native of two kinds of processor, for their last digits differ; on wasm they do not', () => {
    const onNative = (kind: string) => (run: RunRecord) => {
      run.engine.name = 'native';
      run.environment.processorKind = kind;
    };
    const copies = structuredClone(main);
    copies.forEach((run, index) => onNative(index < 3 ? 'x64 A' : 'x64 B')(run));
    expectInvalid(copies, /different arithmetic: native .* on x64 A; native .* on x64 B/);
    copies.forEach((run) => {
      run.engine.name = 'wasm';
    });
    expect(claim('main').judge({ main: copies }).verdict).not.toBe('invalid');
    expect(arithmeticOf(main[0])).toMatch(/^(wasm|cpu|native) /);
  });

  it('an arm beside the main one that was made on another engine', () => {
    const other = structuredClone(noDpo);
    for (const run of other) run.engine.name = run.engine.name === 'cpu' ? 'wasm' : 'cpu';
    expect(claim('no-dpo').judge({ main, 'no-dpo': other }).verdict).toBe('invalid');
  });
});

describe('there is no verdict on a record that contradicts its setup or itself', () => {
  const CASES: [string, (run: WholeRun) => void, RegExp][] = [
    [
      '500 imitated held-out sequences',
      (run) => {
        run.ledger.heldOut.imitated = 500;
      },
      /counts 500 held-out sequences as chosen or imitated/,
    ],
    [
      'a held-out sequence chosen',
      (run) => {
        run.ledger.heldOut.chosen = 1;
      },
      /counts 1 held-out sequences as chosen or imitated/,
    ],
    [
      'a ledger that is not clean',
      (run) => {
        run.ledger.clean = false;
      },
      /says not clean, and its counts say the contrary/,
    ],
    [
      'fewer rejections than its setup gives',
      (run) => {
        run.ledger.sequences.rejected -= 4;
      },
      /rejected sequences, and its setup gives/,
    ],
    [
      'more imitated text',
      (run) => {
        run.ledger.sequences.imitated += 4;
      },
      /imitated sequences, and its setup gives/,
    ],
    [
      'useful negatives imitated more often',
      (run) => {
        run.ledger.useful.imitated += 1;
      },
      /imitated useful negatives, and its setup gives/,
    ],
    [
      'useful negatives chosen',
      (run) => {
        run.ledger.useful.chosen = 1;
      },
      /counts 1 useful negatives as chosen/,
    ],
    [
      'rejected text that is no negative',
      (run) => {
        run.ledger.useful.rejected -= 1;
      },
      /rejected sequences that are no negatives/,
    ],
    [
      'rejections that do not add up',
      (run) => {
        run.ledger.heldOutRejections.fewest = 1000;
      },
      /do not add up/,
    ],
    [
      'updates of another learning rate',
      (run) => {
        run.digests!.updates = passwordsDigest(['other']);
      },
      /updates were not made with the learning rates/,
    ],
    [
      'a learning rate that its updates did not have',
      (run) => {
        run.setup.optimiser.learningRate *= 0.1;
      },
      /updates were not made with/,
    ],
    [
      'losses of fewer steps',
      (run) => void run.trajectories.joint.total.pop(),
      /losses of \d+ steps of phase joint, which had \d+/,
    ],
    ['an evaluation left out', (run) => void run.evaluations.splice(1, 1), /was not evaluated every/],
    ['evaluations in another order', (run) => void run.evaluations.reverse(), /its setup gives/],
    [
      'a phase 3 cut short',
      (run) => void run.evaluations.pop(),
      /phase 3 did not end as its setup says|sequences, and its setup gives/,
    ],
    [
      'both halves the same half',
      (run) => {
        run.evaluations[5].sets.heldOut.halves[1] = run.evaluations[5].sets.heldOut.halves[0];
      },
      /are not those of their two halves/,
    ],
    [
      'a bent guess rate',
      (run) => {
        run.evaluations[3].sets.heldOut.guessRate *= 1.01;
      },
      /are not those of their two halves/,
    ],
    [
      'a bent perf',
      (run) => {
        run.evaluations[3].sets.useful.perf += 0.01;
      },
      /contradict each other/,
    ],
    [
      'useful passwords scored as held out',
      (run) => {
        run.snapshots[1].sets.heldOut.passwords = [...run.snapshots[1].sets.useful.passwords];
      },
      /of other passwords than its seed draws/,
    ],
    [
      'a snapshot under another prefix',
      (run) => {
        run.snapshots[1].prefix = 'regular';
      },
      /were not taken there, after `reverse`|none of the end/,
    ],
    [
      'a snapshot of another step',
      (run) => {
        run.snapshots[1].step -= 2;
      },
      /were not taken there/,
    ],
    ['no end of phase 2', (run) => void run.snapshots.shift(), /end of phase dpo were not taken there/],
    [
      'fewer passwords scored',
      (run) => {
        for (const key of ['passwords', 'logProbabilities', 'ranks'] as const) run.snapshots[1].sets.heldOut[key].pop();
      },
      /are not of 4 passwords of 6 letters/,
    ],
    [
      'control text that is more than chance',
      (run) =>
        void run.overlap.forEach((entry) => {
          if ('text' in entry && entry.way === 'aligned' && entry.span === 3) entry.control += 500;
        }),
      /control passwords share 3 letters in a row at the same positions/,
    ],
    [
      'rewarded text that resembles held-out passwords',
      (run) =>
        void run.overlap.forEach((entry) => {
          if ('text' in entry && entry.text === 'joint-random' && entry.span === 5) entry.heldOut += 8;
        }),
      /held-out passwords share 5 letters/,
    ],
    ['overlaps left out', (run) => void run.overlap.splice(0, 3), /overlap .* is not complete/],
    [
      'no overlaps at all',
      (run) => {
        run.overlap = [];
      },
      /overlap .* is not complete/,
    ],
    [
      'overlaps of other texts',
      (run) =>
        void run.overlap.forEach((entry) => {
          if ('text' in entry && entry.text === 'pretraining') entry.texts += 1;
        }),
      /overlap .* is not complete/,
    ],
    [
      'held-out passwords that its seed does not draw',
      (run) => {
        run.digests!.passwords.heldOut = passwordsDigest(['other']);
      },
      /held-out passwords are not those that its seed draws/,
    ],
    [
      'control passwords that its seed does not draw',
      (run) => {
        run.digests!.passwords.control = passwordsDigest(['other']);
      },
      /control passwords are not those that its seed draws/,
    ],
    [
      'a last layer that says otherwise',
      (run) => {
        run.snapshots[1].sets.heldOut.lens.at(-1)!.guessRate *= 1.01;
      },
      /are not what its last layer gives/,
    ],
  ];
  it.each(CASES)('%s', (_, change, why) => {
    expectInvalid(tampered(change), why);
  });

  // Each bends the letters of one set: the evaluation of the same step, the lens and the ranks know better.
  const sets = ['heldOut', 'useful', 'random'] as const;
  const SCALES = sets.flatMap((set) => [0.99, 1.01, 0.5].map((factor) => [set, factor] as const));
  it.each(SCALES)('log-probabilities of %s times %d', (set, factor) => {
    const bend = (rows: number[][]) =>
      rows.forEach((row) =>
        row.forEach((value, index) => {
          row[index] = value * factor;
        }),
      );
    expectInvalid(
      tampered((run) => bend(run.snapshots[1].sets[set].logProbabilities)),
      /are not (those of its log-probabilities|what its last layer gives)/,
    );
    expectInvalid(
      tampered((run) => bend(run.snapshots[0].sets[set].logProbabilities)),
      /are not (those of its log-probabilities|what its last layer gives)/,
    );
  });

  it('in every claim, on cells of a grid as well', () => {
    const runs = tampered((run) => {
      run.ledger.heldOut.imitated = 1;
    });
    const evidence = Object.fromEntries(ARMS.map(({ id }) => [id, runs]));
    for (const { id, judge } of CLAIMS) expect(judge(evidence).verdict, id).toBe('invalid');
  });

  it('names the run, and says how much more there is than it tells', () => {
    const all = structuredClone(main);
    for (const run of all) run.ledger.heldOut.imitated = 3;
    const { reason, failed, seeds } = claim('main').judge({ main: all });
    expect(reason).toMatch(
      /^tiny, seed 11: its ledger counts 3 held-out sequences as chosen or imitated; .*; and \d+ more$/,
    );
    expect({ failed, seeds }).toEqual({ failed: 0, seeds: SEEDS });
  });
});

describe('the check of one record', () => {
  type Change = (run: WholeRun) => void;
  /** What is said of a run that `change` has changed. */
  const said = (change: Change): readonly string[] => {
    const run = structuredClone(main[2]);
    change(run);
    return runProblems(run);
  };
  /** The same of a run that an archive has abridged. */
  const saidOfAbridged = (cell: boolean, change: (run: AbridgedRun | AbridgedCell) => void): readonly string[] => {
    const run = structuredClone(abridge(main[2], cell));
    change(run);
    return runProblems(run);
  };
  type Evaluation = WholeRun['evaluations'][number];
  /** An evaluation of phase 3 of which no letters were kept. */
  const early = ({ evaluations }: Pick<WholeRun, 'evaluations'>): Evaluation => evaluations[5];
  /** Gives a set and both its halves the same measures. */
  function measureAll({ sets }: Evaluation, values: Partial<Evaluation['sets']['heldOut']['halves'][0]>): void {
    for (const measures of [sets.useful, ...sets.useful.halves]) Object.assign(measures, values);
  }
  const ENDED = 'its phase 3 did not end as its setup says';
  const DRAWN = 'its overlap of rewarded text with held-out passwords is not complete';
  const of = (set: string) => `of the ${set} passwords at the end of phase joint, after \`reverse\`,`;

  it('says of an unchanged one, and of one that failed, nothing', () => {
    expect(said(() => {})).toEqual([]);
    expect(runProblems(failedRun(1))).toEqual([]);
  });

  it.each<[string, Change, string]>([
    [
      'a ledger that calls itself clean',
      ({ ledger }) => {
        ledger.heldOut.imitated = 1;
      },
      'its ledger says clean, and its counts say the contrary',
    ],
    [
      'a held-out password that was rejected less often than the least rejected one',
      ({ ledger }) => {
        ledger.heldOutRejections.most = 0;
      },
      'its ledger counts rejections of single held-out passwords that do not add up',
    ],
    [
      'a gradient norm left out',
      ({ trajectories }) => void trajectories.dpo.gradientNorm.pop(),
      'it has losses of 6 steps of phase dpo, which had 6',
    ],
    [
      'an evaluation at another step',
      ({ evaluations }) => {
        evaluations[3].step = 3;
      },
      'it was not evaluated every 2 steps and at each end',
    ],
    [
      'a measure that is a little off its halves',
      (run) => {
        early(run).sets.random.guessRate += 1e-4;
      },
      'its measures of the control passwords after step 2 of phase joint are not those of their two halves',
    ],
    [
      'a top-1 rate off its halves',
      (run) => {
        early(run).sets.heldOut.topRate += 1;
      },
      'its measures of the held-out passwords after step 2 of phase joint are not those of their two halves',
    ],
    [
      'a guess rate below that of passwords that are all as likely as their mean',
      (run) => measureAll(early(run), { logLikelihood: -1, perf: -1 + Math.log(26), guessRate: 2 }),
      'its measures of the useful passwords after step 2 of phase joint contradict each other',
    ],
    [
      'no end of phase 2, and another snapshot at its step',
      ({ snapshots }) => {
        snapshots.shift();
        snapshots[1].step = 6;
      },
      'its scores of the end of phase dpo were not taken there, after `regular`',
    ],
    [
      'passwords with a letter less',
      ({ snapshots }) => {
        const { logProbabilities, ranks } = snapshots[1].sets.useful;
        for (const row of [...logProbabilities, ...ranks]) row.pop();
      },
      `its scores ${of('useful')} are not of 4 passwords of 6 letters`,
    ],
    [
      'other control passwords',
      ({ snapshots }) => {
        snapshots[1].sets.random.passwords[3] = 'zzzzzz';
      },
      `its scores ${of('control')} are of other passwords than its seed draws`,
    ],
    [
      'one letter that is likelier than its rank allows',
      ({ snapshots }) => {
        snapshots[1].sets.random.logProbabilities[2][1] = -Math.log(4);
        snapshots[1].sets.random.ranks[2][1] = 4;
      },
      `its scores ${of('control')} give letters a higher probability than their ranks allow`,
    ],
    [
      'another log-likelihood at its last layer',
      ({ snapshots }) => {
        snapshots[1].sets.random.lens.at(-1)!.logLikelihood -= 0.001;
      },
      `its scores ${of('control')} are not what its last layer gives`,
    ],
    [
      'halves that are exchanged',
      ({ evaluations }) => {
        const { random } = evaluations[8].sets;
        random.halves.reverse();
      },
      `its measures ${of('control')} are not those of its log-probabilities`,
    ],
    ...([0, 1] as const).map((half): [string, Change, string] => [
      `another half: ${half}`,
      ({ evaluations }) => {
        evaluations[8].sets.heldOut.halves[half].guessRate += 0.01;
      },
      `its measures ${of('held-out')} are not those of its log-probabilities`,
    ]),
    [
      'another guess rate than its letters have',
      ({ evaluations }) => {
        evaluations[8].sets.heldOut.guessRate += 0.01;
      },
      `its measures ${of('held-out')} are not those of its log-probabilities`,
    ],
    [
      'ranks that give another top-1 rate',
      ({ snapshots }) => {
        for (const row of snapshots[1].sets.heldOut.ranks) row.fill(0);
      },
      `its measures ${of('held-out')} are not those of its log-probabilities`,
    ],
    [
      'useful passwords that its seed does not draw',
      ({ digests }) => {
        digests!.passwords.useful = passwordsDigest(['other']);
      },
      'its useful passwords are not those that its seed draws',
    ],
  ])('finds %s', (_, change, problem) => {
    expect(said(change)).toContain(problem);
  });

  it.each(['useful', 'chosen', 'joint-random'])('finds another number of %s texts', (text) => {
    const problems = said(({ overlap }) => {
      for (const entry of overlap) if ('text' in entry && entry.text === text) entry.texts += 1;
    });
    expect(problems).toContain(DRAWN);
  });

  it('finds another number of chosen texts where phase 2 goes through all pairs exactly, and phase 3 does not', async () => {
    const [run] = await fillFolder(temporaryFolder(), [
      studySetup(21, (setup) => {
        setup.phases.joint.steps = 4;
      }),
    ]);
    expect(runProblems(structuredClone(run))).toEqual([]);
    for (const entry of run.overlap) if ('text' in entry && entry.text === 'chosen') entry.texts += 1;
    expect(runProblems(run)).toEqual([DRAWN]);
  });

  it('finds the end of phase 3 elsewhere in a run without phase 2', () => {
    const run = structuredClone(noDpo[0]);
    for (const snapshot of run.snapshots) snapshot.step -= 2;
    expect(runProblems(run)).toContain('its scores of the end of phase joint were not taken there, after `reverse`');
  });

  it('finds an overlap that is counted twice, and one of more letters than a password has', () => {
    expect(said(({ overlap }) => void overlap.push(structuredClone(overlap[0]) as never))).toContain(DRAWN);
    expect(said(({ overlap }) => void overlap.splice(1, 1, structuredClone(overlap[0]) as never))).toContain(DRAWN);
    expect(
      said(({ overlap }) => {
        overlap.at(-1)!.span = 7;
      }),
    ).toContain(DRAWN);
  });

  it('knows when phase 3 ends: at the first evaluation above the target, or at its last step', () => {
    const ended = (change: Change) => said(change).includes(ENDED);
    const target = (run: WholeRun, value: number) => {
      run.setup.phases.joint.stopAtUsefulGuessRate = value;
    };
    const rates = main[2].evaluations.slice(5).map(({ sets }) => sets.useful.guessRate);
    expect(ended((run) => target(run, Math.max(...rates) + 1))).toBe(false);
    expect(ended((run) => target(run, Math.max(...rates.slice(0, -1)) - 1e-6))).toBe(true);
    const cut = (run: WholeRun) => void run.evaluations.pop();
    expect(ended(cut)).toBe(true);
    const last = (run: WholeRun) => run.evaluations.at(-1)!.sets.useful;
    const cutAt = (value: number) => (run: WholeRun) => {
      cut(run);
      for (const { sets } of run.evaluations.slice(5)) sets.useful.guessRate = 0.5;
      last(run).guessRate = value;
      target(run, 1.5);
    };
    expect(ended(cutAt(1.6))).toBe(false);
    expect(ended(cutAt(1.4))).toBe(true);
    // A rate that is the target but for rounding may have ended the phase, or not.
    expect(ended(cutAt(1.5))).toBe(false);
    const passedAt = (index: number, value: number) => (run: WholeRun) => {
      for (const { sets } of run.evaluations) sets.useful.guessRate = 0.5;
      run.evaluations[index].sets.useful.guessRate = value;
      target(run, 1.5);
    };
    expect([0, 4, 5, 6, 7, 8].map((index) => ended(passedAt(index, 2)))).toEqual([
      false,
      false,
      true,
      true,
      true,
      false,
    ]);
    expect(ended(passedAt(6, 1.5))).toBe(false);
  });

  it('knows when phase 2 ends: at the first evaluation at the target or below, or at its last step', () => {
    const ended = (change: Change) => said(change).includes('its phase 2 did not end as its setup says');
    /** Held-out guess rates at the evaluations of phase 2, the last ones of which may be left out. */
    const rates =
      (target: number | null, ...values: number[]) =>
      (run: WholeRun) => {
        const phase2 = run.evaluations.filter(({ phase }) => phase === 'dpo');
        expect(phase2).toHaveLength(3);
        run.evaluations = run.evaluations.filter((one) => !phase2.slice(values.length).includes(one));
        for (const [index, value] of values.entries()) phase2[index].sets.heldOut.guessRate = value;
        run.setup.phases.dpo.stopAtHeldOutGuessRate = target;
      };
    expect(ended(rates(0.5, 0.9, 0.8, 0.6))).toBe(false);
    expect(ended(rates(0.5, 0.9, 0.8, 0.4))).toBe(false);
    expect(ended(rates(0.5, 0.9, 0.4, 0.3))).toBe(true);
    expect(ended(rates(0.5, 0.9, 0.4))).toBe(false);
    expect(ended(rates(0.5, 0.9, 0.6))).toBe(true);
    expect(ended(rates(null, 0.9, 0.4, 0.3))).toBe(false);
    // A rate that is the target but for rounding may have ended the phase, or not.
    expect(ended(rates(0.5, 0.9, 0.5))).toBe(false);
    expect(ended(rates(0.5, 0.9, 0.5, 0.4))).toBe(false);
  });

  it('lets numbers differ by their rounding, and by no more', () => {
    const large = (by: number) => (run: Pick<WholeRun, 'evaluations'>) => {
      measureAll(early(run), { guessRate: 20 });
      early(run).sets.useful.guessRate += by;
    };
    expect(said(large(1.5e-8))).toEqual([]);
    expect(said(large(3e-8))).toHaveLength(1);
    expect(saidOfAbridged(false, large(3e-3))).toEqual([]);
    expect(saidOfAbridged(false, large(5e-3))).toHaveLength(1);
    // Letters that are all as likely have a guess rate of exp(perf): no more, no less.
    const alike = (by: number) => (run: WholeRun) =>
      measureAll(early(run), { logLikelihood: 0.5 - Math.log(26), perf: 0.5, guessRate: Math.exp(0.5) + by });
    expect(said(alike(0))).toEqual([]);
    expect(said(alike(-1e-8))).toHaveLength(3);
    type Lens = { sets: { useful: { lens: { logLikelihood: number }[] } } };
    const lens = (by: number) => (run: { snapshots: Lens[] }) => {
      run.snapshots[0].sets.useful.lens.at(-1)!.logLikelihood += by;
    };
    expect(said(lens(5e-5))).toEqual([]);
    expect(said(lens(1e-3))).toHaveLength(1);
    expect(saidOfAbridged(true, lens(6e-3))).toEqual([]);
    expect(saidOfAbridged(true, lens(0.05))).toHaveLength(1);
    const rank = (value: number) =>
      said(({ snapshots }) => {
        snapshots[2].sets.random.logProbabilities[0][0] = -Math.log(3);
        snapshots[2].sets.random.ranks[0][0] = value;
      }).filter((problem) => problem.includes('higher probability'));
    expect([rank(2), rank(3)].map(({ length }) => length)).toEqual([0, 1]);
  });

  it('asks an archive for what it keeps, and no more', () => {
    for (const cell of [false, true]) {
      const moved = saidOfAbridged(cell, ({ snapshots }) => {
        snapshots.at(-1)!.step -= 2;
        snapshots.at(cell ? 0 : 1)!.step -= 2;
      });
      expect(moved).toContain('its scores of the end of phase joint were not taken there, after `reverse`');
    }
    expect(said(({ snapshots }) => void snapshots[1].sets.heldOut.lens.splice(0))).toEqual([]);
  });

  it('compares all measures but the top-1 rate with letters whose ranks an archive left out', () => {
    const { phase, step } = abridge(main[2], true).snapshots[0];
    for (const name of ['guessRate', 'logLikelihood', 'perf', 'topRate'] as const) {
      const problems = saidOfAbridged(true, ({ evaluations }) => {
        const evaluation = evaluations.find((one) => one.phase === phase && one.step === step)!;
        evaluation.sets.heldOut.halves[1][name] += 0.2;
      }).filter((problem) => problem.endsWith('not those of its log-probabilities'));
      expect([name, problems]).toEqual([name, name === 'topRate' ? [] : [expect.stringContaining('held-out')]]);
    }
  });

  it('reads a record of version 2, which counts all kinds of text together and keeps no digests', () => {
    const old = (keep: (span: number) => boolean) =>
      said((run) => {
        const { heldOut, control } = { heldOut: 4, control: run.setup.evaluation.random };
        const aligned = run.overlap.flatMap((entry) => ('text' in entry && entry.way === 'aligned' ? [entry] : []));
        const sum = (span: number, set: 'heldOut' | 'control') =>
          aligned.filter((entry) => entry.span === span).reduce((total, entry) => total + entry[set], 0);
        Object.assign(run, {
          schemaVersion: 2,
          digests: undefined,
          overlap: [1, 2, 3, 4, 5, 6].filter(keep).map((span) => ({
            span,
            heldOut: sum(span, 'heldOut') / heldOut,
            control: sum(span, 'control') / control,
            expected: 0,
          })),
        });
      });
    expect(old(() => true)).toEqual([]);
    expect(old((span) => span !== 6)).toEqual([DRAWN]);
  });
});

describe('runs that agree where chance lets them', () => {
  const shared = (change: (run: WholeRun, other: WholeRun) => void): string => {
    const copies = structuredClone(main.slice(0, 2));
    change(copies[0], copies[1]);
    return independenceProblems(claim('main').arms, { main: copies }).join();
  };

  it('are independent all the same: few passwords, weights that are given, few scores, no digests', () => {
    const control = (size: number, alphabet = main[0].setup.passwords.alphabet) =>
      shared((run, other) => {
        for (const { setup } of [run, other]) {
          setup.evaluation.random = size;
          setup.passwords.alphabet = alphabet;
        }
        run.digests!.passwords.control = other.digests!.passwords.control;
      });
    expect(control(1)).toBe('');
    expect(control(6)).toContain('the same control passwords');
    expect(control(6, 'abcd')).toBe(''); // of 4,096 passwords
    expect(control(8, 'abcd')).toContain('the same control passwords');
    const initial = (pretrained: string | null) =>
      shared((run, other) => {
        for (const { setup } of [run, other]) setup.model.pretrained = pretrained;
        run.digests!.initialParameters = other.digests!.initialParameters;
      });
    expect(initial('EleutherAI/pythia-70m')).toBe('');
    expect(initial(null)).toContain('the same initial parameters');
    const scores = (passwords: number) =>
      shared((run, other) => {
        other.snapshots[1].sets.random.logProbabilities.splice(passwords);
        run.snapshots = structuredClone(other.snapshots);
      });
    expect(scores(5)).toBe('');
    const reversed = shared((run, other) => {
      other.snapshots[1].sets.random.logProbabilities.splice(5);
      run.snapshots = structuredClone(other.snapshots.reverse());
    });
    expect(reversed).toBe('');
    expect(scores(6)).toMatch(/^tiny, seed 11 and seed 12 have the same scores: they are no independent runs$/);
    const without = shared((run, other) => {
      run.digests = undefined;
      other.digests = undefined;
    });
    expect(without).toBe('');
  });

  it('are named once, however many arms have them', () => {
    const runs = tampered((run) => {
      run.ledger.useful.chosen = 2;
    });
    const problems = evidenceProblems(claim('no-dpo').arms, { main: runs, 'no-dpo': runs });
    expect(problems).toEqual(['tiny, seed 13: its ledger counts 2 useful negatives as chosen']);
    expect(evidenceProblems(claim('no-dpo').arms, { main })).toEqual([]);
  });

  it('three problems are told, and how many more there are', () => {
    expect(inWords(['a', 'b', 'c'])).toBe('a; b; c');
    expect(inWords(['a', 'b', 'c', 'd', 'e'])).toBe('a; b; c; and 2 more');
  });
});
