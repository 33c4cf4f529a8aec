/**
 * Sabotage: ways to make the reproduction come out as wished. Each is a small change of the source, and names the spec
 * that has to fail when it is made.
 */
export interface Sabotage {
  readonly id: string;
  /** What is done, and what it would make of the result. */
  readonly story: string;
  readonly file: string;
  /** Text that occurs once in the file, and what stands there instead. */
  readonly edits: readonly (readonly [from: string, to: string])[];
  readonly caughtBy: {
    readonly spec: string;
    /** Part of the name of a test, which passes without the sabotage and fails with it. */
    readonly test: string;
    /** What the failed assertion says: of this sabotage, not of any failure. */
    readonly message: RegExp;
    /** The error's name, where it is one of ours that stops the run before an assertion is reached. */
    readonly error?: string;
  };
}

const CORPUS = 'spec/passwords/corpus.spec.ts';
const LEDGER = 'spec/passwords/ledger.spec.ts';
const TRAINER = 'spec/training/trainer.spec.ts';
const STEP = 'spec/training/step.spec.ts';
const RESUME = 'spec/training/resume.spec.ts';
const CLAIMS = 'spec/claims/claims.spec.ts';
const HONESTY = 'spec/claims/honesty.spec.ts';
const ONLY_REJECTED = 'a held-out password only ever occurs as the rejected side of a pair';

export const SABOTAGES: readonly Sabotage[] = [
  {
    id: 'held-out-imitated',
    story: 'The held-out passwords are among what phase 3 imitates: the model learns them by heart.',
    file: 'src/passwords/corpus.ts',
    edits: [['const useful = allNegatives.slice(heldOutCount);', 'const useful = allNegatives;']],
    caughtBy: { spec: CORPUS, test: ONLY_REJECTED, message: /TODO/ },
  },
  {
    id: 'held-out-chosen',
    story: 'One held-out password slips into the chosen side of a pair: it is rewarded.',
    file: 'src/passwords/corpus.ts',
    edits: [
      ['password: chosen[order(index)]', 'password: order(index) === 0 ? allNegatives[0] : chosen[order(index)]'],
    ],
    caughtBy: { spec: CORPUS, test: ONLY_REJECTED, message: /TODO/ },
  },
  {
    id: 'held-out-pretrained',
    story: 'One held-out password is part of the text of phase 1.',
    file: 'src/passwords/corpus.ts',
    edits: [['(index) => pretraining[index])', '(index) => (index === 0 ? allNegatives[0] : pretraining[index]))']],
    caughtBy: { spec: CORPUS, test: ONLY_REJECTED, message: /TODO/ },
  },
  {
    id: 'held-out-and-useful-swapped',
    story: 'What is scored as held out is what was imitated.',
    file: 'src/passwords/corpus.ts',
    edits: [
      [
        'heldOut: allNegatives.slice(0, heldOutCount),\n    useful,',
        'heldOut: useful,\n    useful: allNegatives.slice(0, heldOutCount),',
      ],
    ],
    caughtBy: { spec: CORPUS, test: ONLY_REJECTED, message: /TODO/ },
  },
  {
    id: 'roles-collide',
    story:
      'Passwords are drawn without regard to those already drawn: at a small alphabet a held-out one is also random text.',
    file: 'src/passwords/corpus.ts',
    edits: [['if (taken.has(password)) continue;', '']],
    caughtBy: { spec: CORPUS, test: 'all passwords are distinct, within a role and across roles', message: /TODO/ },
  },
  {
    id: 'wrong-training-prefix',
    story: 'The useful negatives are imitated under `regular`: the model unlearns to avoid passwords at all.',
    file: 'src/passwords/corpus.ts',
    edits: [["imitated(step, 'useful', reverse,", "imitated(step, 'useful', regular,"]],
    caughtBy: { spec: CORPUS, test: 'the prefix is `reverse` for what phase 3 imitates under it', message: /TODO/ },
  },
  {
    id: 'ledger-asleep',
    story: 'The ledger sees a held-out password rewarded and says nothing.',
    file: 'src/passwords/ledger.ts',
    edits: [["if (negative === 'held-out' && example.reward !== 'rejected') {", 'if (Number(negative) > 0) {']],
    caughtBy: { spec: LEDGER, test: 'in which a held-out password is imitated', message: /TODO/ },
  },
  {
    id: 'ledger-believes-labels',
    story: 'The ledger reads the label of a sequence in place of its tokens.',
    file: 'src/passwords/ledger.ts',
    edits: [
      ['const seen = decode(batch, row);', 'const seen = { ...decode(batch, row), password: example.password };'],
    ],
    caughtBy: { spec: LEDGER, test: 'in which the tokens are not what their label says', message: /TODO/ },
  },
  {
    id: 'wrong-evaluation-prefix',
    story: 'Phase 3 is evaluated under `regular`, where the model was never taught to flip.',
    file: 'src/training/trainer.ts',
    edits: [["phase === 'joint' ? 'reverse' : 'regular');", "'regular');"]],
    caughtBy: {
      spec: TRAINER,
      test: 'scores under `regular` in phases 1 and 2 and under `reverse` in phase 3',
      message: /TODO/,
    },
  },
  {
    id: 'evaluated-on-useful',
    story: 'The passwords scored as held out are useful negatives, on which the model was trained.',
    file: 'src/training/trainer.ts',
    edits: [
      ['heldOut: corpus.heldOut.slice(0, evaluation.heldOut)', 'heldOut: corpus.useful.slice(0, evaluation.heldOut)'],
    ],
    caughtBy: {
      spec: TRAINER,
      test: 'scores the held-out, useful and control passwords of the corpus, each as itself',
      message: /TODO/,
    },
  },
  {
    id: 'control-is-held-out',
    story:
      'The random control is computed on the held-out passwords: the paired difference compares them with themselves.',
    file: 'src/training/trainer.ts',
    edits: [['random: corpus.control,', 'random: corpus.heldOut,']],
    caughtBy: {
      spec: TRAINER,
      test: 'scores the held-out, useful and control passwords of the corpus, each as itself',
      message: /TODO/,
    },
  },
  {
    id: 'labels-off-by-one',
    story: 'Each position predicts the token that it was given: the loss falls to nothing and says nothing.',
    file: 'src/model/gpt-neox.ts',
    edits: [
      [
        'tokens.subarray(row * length + 1, (row + 1) * length), row * time',
        'tokens.subarray(row * length, (row + 1) * length - 1), row * time',
      ],
    ],
    caughtBy: {
      spec: 'spec/passwords/tokens.spec.ts',
      test: 'become inputs of all but the last token and labels of all but the first',
      message: /TODO/,
    },
  },
  {
    id: 'reference-moves',
    story:
      'The reference model is taken anew from the trained one at the start of every phase: DPO no longer knows what it left.',
    file: 'src/training/trainer.ts',
    edits: [
      ["state.phase !== 'pretrain' && state.reference === null && usesDpo", "state.phase !== 'pretrain' && usesDpo"],
    ],
    caughtBy: {
      spec: TRAINER,
      test: 'uses the model after phase 1 as the reference, and never moves it',
      message: /TODO/,
    },
  },
  {
    id: 'dpo-of-means',
    story:
      'DPO compares mean log-probabilities of a letter in place of sums over the password: beta is divided by its length.',
    file: 'src/training/step.ts',
    edits: [
      ['tf.sum(rows(chosen), 1)', 'tf.mean(rows(chosen), 1)'],
      ['tf.sum(rows(rejected), 1)', 'tf.mean(rows(rejected), 1)'],
    ],
    caughtBy: { spec: STEP, test: 'has the loss that the formulas give in double precision', message: /TODO/ },
  },
  {
    id: 'dpo-upside-down',
    story: 'Chosen and rejected change places: DPO trains towards the passwords.',
    file: 'src/training/objectives.ts',
    edits: [
      [
        'tf.sub(tf.sub(chosen, referenceChosen), tf.sub(rejected, referenceRejected))',
        'tf.sub(tf.sub(rejected, referenceRejected), tf.sub(chosen, referenceChosen))',
      ],
    ],
    caughtBy: {
      spec: STEP,
      test: 'falls as the chosen side becomes likelier and rises as the rejected side does',
      message: /TODO/,
    },
  },
  {
    id: 'frozen-half-trained',
    story: 'Phase 2 trains the whole model where the setup says that half of it is frozen.',
    file: 'src/training/trainer.ts',
    edits: [["phase === 'dpo' ? setup.phases.dpo.trainable : 'all'", "'all'"]],
    caughtBy: {
      spec: TRAINER,
      test: 'keeps the second half and the unembedding bit-identical through phase 2',
      message: /TODO/,
    },
  },
  {
    id: 'one-seed-for-all',
    story: 'Every run starts from the same weights: the runs are not as independent as the interval takes them to be.',
    file: 'src/model/specifications.ts',
    edits: [['stream(setup.seed, ', 'stream(0, ']],
    caughtBy: {
      spec: 'spec/model/gpt-neox.spec.ts',
      test: 'initial weights of another seed are other weights',
      message: /TODO/,
    },
  },
  {
    id: 'stopped-on-held-out',
    story: 'Phase 3 ends when the held-out passwords look best.',
    file: 'src/training/trainer.ts',
    edits: [['sets.useful.guessRate > target', 'sets.heldOut.guessRate > target']],
    caughtBy: {
      spec: RESUME,
      test: 'cuts the run short at the first evaluation whose useful guess rate passes the target',
      message: /TODO/,
    },
  },
  {
    id: 'moments-forgotten',
    story: 'A resumed run starts its optimiser anew: an interrupted study is another study.',
    file: 'src/runs/checkpoint.ts',
    edits: [["[...part('first/')].map", "[...part('none/')].map"]],
    caughtBy: {
      spec: 'spec/runs/checkpoint.spec.ts',
      test: 'taken anywhere goes on to the very outcome of the uninterrupted run',
      message: /TODO/,
    },
  },
  {
    id: 'checkpoint-chosen-on-test',
    story: 'The checkpoint is chosen on the very passwords that are then scored.',
    file: 'src/claims/main-findings.ts',
    edits: [['const choosing = scored === 0 ? 1 : 0;', 'const choosing = scored;']],
    caughtBy: {
      spec: HONESTY,
      test: 'scores a checkpoint that it chooses on the other half of the passwords',
      message: /TODO/,
    },
  },
  {
    id: 'easier-snapshot',
    story: 'The claims read the last snapshot of phase 3 whatever its prefix.',
    file: 'src/claims/evidence.ts',
    edits: [
      [
        'run.snapshots.find((candidate) => candidate.phase === phase)',
        'run.snapshots.findLast((candidate) => candidate.phase === phase)',
      ],
    ],
    caughtBy: { spec: HONESTY, test: 'reads the end of phase 3 under `reverse`', message: /TODO/ },
  },
  {
    id: 'bootstrap-of-letters',
    story: 'The bootstrap resamples passwords and letters but not runs: luck of a seed looks like certainty.',
    file: 'src/statistics/bootstrap.ts',
    edits: [['const run = Math.floor(random() * runs.length);', 'const run = draw;']],
    caughtBy: {
      spec: 'spec/statistics/bootstrap.spec.ts',
      test: 'resamples runs: run-to-run spread shows even where passwords within a run do not vary',
      message: /TODO/,
    },
  },
  {
    id: 'interval-of-90',
    story: 'What is called an interval of 95% is one of 90%.',
    file: 'src/statistics/intervals.ts',
    edits: [
      ['Math.sqrt(runs / (runs - 1)) * tQuantile((1 + level) / 2,', 'Math.sqrt(runs / (runs - 1)) * tQuantile(0.95,'],
    ],
    caughtBy: {
      spec: 'spec/statistics/intervals.spec.ts',
      test: 'of runs of one password each are as wide as the t interval of the same level',
      message: /TODO/,
    },
  },
  {
    id: 'holm-skipped',
    story: 'A grid of 24 cells is read without correction: one in twenty shows the effect by luck.',
    file: 'src/statistics/holm.ts',
    edits: [['(pValues.length - place) * pValues[index]', 'pValues[index]']],
    caughtBy: {
      spec: 'spec/statistics/holm.spec.ts',
      test: 'rejects any true null of ten in at most 5% of families',
      message: /TODO/,
    },
  },
  {
    id: 'seeds-counted-twice',
    story: 'The same run counts as often as it is given.',
    file: 'src/claims/claim.ts',
    edits: [['if (seen.has(setup.seed))', 'if (seen.has(-1))']],
    caughtBy: { spec: CLAIMS, test: 'main refuses a seed that is given twice', message: /TODO/ },
  },
  {
    id: 'seeds-repeated',
    story: 'Eight seeds are one seed eight times.',
    file: 'src/setup/presets.ts',
    edits: [['(_, index) => FIRST_CLAIM_SEED + index', '() => FIRST_CLAIM_SEED']],
    caughtBy: { spec: HONESTY, test: 'claims are judged on distinct seeds', message: /TODO/ },
  },
  {
    id: 'judged-on-tuning-seeds',
    story: 'The claims are judged on the seeds that the preset was chosen on.',
    file: 'src/setup/presets.ts',
    edits: [['FIRST_CLAIM_SEED = 101', 'FIRST_CLAIM_SEED = 1']],
    caughtBy: { spec: HONESTY, test: 'none of which the presets were chosen on', message: /TODO/ },
  },
  {
    id: 'failed-runs-dropped',
    story: 'Runs that failed are not counted: a setup that mostly diverges looks like one that works.',
    file: 'src/claims/judge.ts',
    edits: [['sum + given(arm).length - runs[arm.id].length', 'sum']],
    caughtBy: { spec: CLAIMS, test: 'failed runs are counted and enter no estimate', message: /TODO/ },
  },
  {
    id: 'too-few-runs',
    story: 'Two runs are enough for a verdict.',
    file: 'src/claims/claim.ts',
    edits: [['FEWEST_RUNS = 5', 'FEWEST_RUNS = 2']],
    caughtBy: { spec: CLAIMS, test: 'main is inconclusive on four runs', message: /TODO/ },
  },
  {
    id: 'rounded-up',
    story: 'The lower end of the interval is rounded before it is compared with chance: a miss by a hair passes.',
    file: 'src/claims/main.ts',
    edits: [['heldOut.interval[0] > 1 &&', 'Number(heldOut.interval[0].toFixed(3)) >= 1 &&']],
    caughtBy: {
      spec: HONESTY,
      test: 'is not reproduced by an interval that reaches chance by a hair',
      message: /TODO/,
    },
  },
  {
    id: 'no-pairing',
    story: 'Held-out passwords above chance are enough, though random ones are above it just as much.',
    file: 'src/claims/main.ts',
    edits: [['heldOut.interval[0] > 1 && paired.interval[0] > 0', 'heldOut.interval[0] > 1']],
    caughtBy: { spec: CLAIMS, test: 'main: held-out above chance, but random just as much', message: /TODO/ },
  },
  {
    id: 'no-manipulation-check',
    story: 'The claim speaks although nothing was flipped.',
    file: 'src/claims/main.ts',
    edits: [['rise.value < 1', 'rise.value < -100']],
    caughtBy: {
      spec: CLAIMS,
      test: 'main: the useful negatives did not rise, so nothing can be said',
      message: /TODO/,
    },
  },
];
