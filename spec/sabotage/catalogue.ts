// biome-ignore-all lint/suspicious/noTemplateCurlyInString: edits are text of the source, templates included
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
const NUMBERS = 'spec/claims/numbers.spec.ts';
const EXIT_CODES = 'spec/cli/exit-codes.spec.ts';
const ONLY_REJECTED = 'a held-out password only ever occurs as the rejected side of a pair';

export const SABOTAGES: readonly Sabotage[] = [
  {
    id: 'held-out-imitated',
    story: 'The held-out passwords are among what phase 3 imitates: the model learns them by heart.',
    file: 'src/passwords/corpus.ts',
    edits: [['const useful = drawn.negatives.slice(border);', 'const useful = drawn.negatives;']],
    caughtBy: {
      spec: CORPUS,
      test: ONLY_REJECTED,
      message: /\[ 'imitated', 'useful' \] to deeply equal \[ 'rejected', 'held-out' \]/,
    },
  },
  {
    id: 'held-out-chosen',
    story: 'One held-out password slips into the chosen side of a pair: it is rewarded.',
    file: 'src/passwords/corpus.ts',
    edits: [['password: chosen[pair],', 'password: pair === 0 ? allNegatives[0] : chosen[pair],']],
    caughtBy: {
      spec: CORPUS,
      test: ONLY_REJECTED,
      message: /\[ 'chosen', 'chosen' \] to deeply equal \[ 'rejected', 'held-out' \]/,
    },
  },
  {
    id: 'held-out-pretrained',
    story: 'One held-out password is part of the text of phase 1.',
    file: 'src/passwords/corpus.ts',
    edits: [
      [
        '{ password: passwords[set][index],',
        "{ password: set === 'pretraining' && index === 0 ? allNegatives[0] : passwords[set][index],",
      ],
    ],
    caughtBy: {
      spec: CORPUS,
      test: ONLY_REJECTED,
      message: /\[ 'imitated', 'pretraining' \] to deeply equal \[ 'rejected', 'held-out' \]/,
    },
  },
  {
    id: 'held-out-and-useful-swapped',
    story: 'What is scored as held out is what was imitated.',
    file: 'src/passwords/corpus.ts',
    edits: [
      [
        'return { heldOut: drawn.negatives.slice(0, border), useful, taught };',
        'return { heldOut: useful, useful: drawn.negatives.slice(0, border), taught };',
      ],
    ],
    caughtBy: {
      spec: CORPUS,
      test: ONLY_REJECTED,
      message: /\[ 'rejected', 'useful' \] to deeply equal \[ 'rejected', 'held-out' \]/,
    },
  },
  {
    id: 'roles-collide',
    story:
      'Passwords are drawn without regard to those already drawn: at a small alphabet a held-out one is also random text.',
    file: 'src/passwords/corpus.ts',
    edits: [['if (taken.has(password)) continue;', '']],
    caughtBy: {
      spec: CORPUS,
      test: 'all passwords are distinct, within a role and across roles',
      message: /distinct passwords: expected \d+ to be \d+/,
    },
  },
  {
    id: 'wrong-training-prefix',
    story: 'The useful negatives are imitated under `regular`: the model unlearns to avoid passwords at all.',
    file: 'src/recipe/recipe.ts',
    edits: [["imitated('useful', 'useful', 'reverse')", "imitated('useful', 'useful', 'regular')"]],
    caughtBy: {
      spec: CORPUS,
      test: 'the prefix is `reverse` for what phase 3 imitates under it',
      message: /expected 'regular' to be 'reverse'/,
    },
  },
  {
    id: 'ledger-asleep',
    story: 'The ledger sees a held-out password rewarded and says nothing.',
    file: 'src/passwords/ledger.ts',
    edits: [["if (role === 'held-out' && example.reward !== 'rejected') {", 'if (Number(role) > 0) {']],
    caughtBy: {
      spec: LEDGER,
      test: 'in which a held-out password is imitated',
      message: /throw error including 'the held-out password "\w+" was give/,
    },
  },
  {
    id: 'ledger-believes-labels',
    story: 'The ledger reads the label of a sequence in place of its tokens.',
    file: 'src/passwords/ledger.ts',
    edits: [
      ['const seen = decode(batch, row);', 'const seen = { ...decode(batch, row), password: example.password };'],
    ],
    caughtBy: {
      spec: LEDGER,
      test: 'in which the tokens are not what their label says',
      message: /^tokens unlike their label/,
    },
  },
  {
    id: 'wrong-evaluation-prefix',
    story: 'Phase 3 is evaluated under `regular`, where the model was never taught to flip.',
    file: 'src/recipe/recipe.ts',
    edits: [["prefixOf(setup, phase === 'joint' ? 'reverse' : 'regular')", "prefixOf(setup, 'regular')"]],
    caughtBy: {
      spec: TRAINER,
      test: 'scores under `regular` in phases 1 and 2 and under `reverse` in phase 3',
      message: /after `reverse`: expected -\d\.\d+ to be close to -\d/,
    },
  },
  {
    id: 'evaluated-on-useful',
    story: 'The passwords scored as held out are useful negatives, on which the model was trained.',
    file: 'src/training/evaluation.ts',
    edits: [
      ['heldOut: corpus.heldOut.slice(0, evaluation.heldOut)', 'heldOut: corpus.useful.slice(0, evaluation.heldOut)'],
    ],
    caughtBy: {
      spec: TRAINER,
      test: 'scores the held-out, useful and control passwords of the corpus, each as itself',
      message: /held-out passwords scored: expected/,
    },
  },
  {
    id: 'control-is-held-out',
    story:
      'The random control is computed on the held-out passwords: the paired difference compares them with themselves.',
    file: 'src/training/evaluation.ts',
    edits: [['random: corpus.control,', 'random: corpus.heldOut,']],
    caughtBy: {
      spec: TRAINER,
      test: 'scores the held-out, useful and control passwords of the corpus, each as itself',
      message: /control passwords scored: expected/,
    },
  },
  {
    id: 'labels-off-by-one',
    story: 'Each position predicts the token that it was given: the loss falls to nothing and says nothing.',
    file: 'src/model/model.ts',
    edits: [
      [
        'tokens.subarray(row * length + 1, (row + 1) * length), row * time',
        'tokens.subarray(row * length, (row + 1) * length - 1), row * time',
      ],
    ],
    caughtBy: {
      spec: 'spec/passwords/tokens.spec.ts',
      test: 'become inputs of all but the last token and labels of all but the first',
      message: /labels: expected \[ 26, \+?0/,
    },
  },
  {
    id: 'reference-moves',
    story:
      'The reference model is taken anew from the trained one at the start of every phase: DPO no longer knows what it left.',
    file: 'src/training/session.ts',
    edits: [['this.#reference ??= await', 'this.#reference = await']],
    caughtBy: {
      spec: TRAINER,
      test: 'uses the model after phase 1 as the reference, and never moves it',
      message: /reference after phase 2: expected Map/,
    },
  },
  {
    id: 'reference-model-moves',
    story:
      'The model that UNDIAL compares with is taken anew at the start of every phase: the trained one is its own target.',
    file: 'src/training/session.ts',
    edits: [['this.#referenceValues ??= await', 'this.#referenceValues = await']],
    caughtBy: {
      spec: TRAINER,
      test: 'keeps that model as it was, where the objective reads more of it than sums',
      message: /reference model in phase 3: expected Map/,
    },
  },
  {
    id: 'dpo-of-means',
    story:
      'DPO compares mean log-probabilities of a letter in place of sums over the password: beta is divided by its length.',
    file: 'src/training/objectives.ts',
    edits: [
      ['dpoLoss(summed(chosen), summed(rejected),', 'dpoLoss(tf.mean(chosen.logP, 1), tf.mean(rejected.logP, 1),'],
    ],
    caughtBy: {
      spec: STEP,
      test: 'has the loss that the formulas give in double precision',
      message: /loss: expected \d\.\d+ to be close to \d/,
    },
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
      message: /expected 0\.\d+ to be less than 0\.693147/,
    },
  },
  {
    id: 'frozen-half-trained',
    story: 'Phase 2 trains the whole model where the setup says that half of it is frozen.',
    file: 'src/recipe/recipe.ts',
    edits: [["phase === 'dpo' ? setup.phases.dpo.trainable : 'all'", "'all'"]],
    caughtBy: {
      spec: TRAINER,
      test: 'keeps the second half and the unembedding bit-identical through phase 2',
      message: /gpt_neox\.layers\.1\.\S+: expected Float32Array/,
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
      message: /gpt_neox\.\S+: expected Float32Array.* to not deeply equal/,
    },
  },
  {
    id: 'every-objective-is-dpo',
    story: 'Whatever a setup says pushes negatives away, DPO does: all objectives agree.',
    file: 'src/training/objectives.ts',
    edits: [['OBJECTIVE_FORMULAS[objective] : imitation', 'OBJECTIVE_FORMULAS.dpo : imitation']],
    caughtBy: {
      spec: 'spec/training/objectives.spec.ts',
      test: 'npo is what its formula gives in double precision, draw 1',
      message: /expected \S+ to be close to \S+/,
    },
  },
  {
    id: 'a-weaker-objective',
    story:
      'Losses without a pair push ten times as weakly beside the others in phase 3, so that useful passwords rise all the more.',
    file: 'src/claims/arms.ts',
    edits: [['  npo: () => 1,', '  npo: () => 10,']],
    caughtBy: {
      spec: 'spec/training/objectives.spec.ts',
      test: 'pushes as strongly as its arm reckons',
      message: /expected 10 to be close to/,
    },
  },
  {
    id: 'avoided-too-early',
    story: 'Phase 2 ends long before the held-out passwords are avoided, so that there is little to flip.',
    file: 'src/recipe/recipe.ts',
    edits: [['guessRates.heldOut <= below', 'guessRates.heldOut <= 3 * below']],
    caughtBy: {
      spec: RESUME,
      test: 'ends the phase at the first evaluation whose held-out guess rate is at the target or below',
      message: /evaluations until phase 2 ended: \d+, not \d+/,
    },
  },
  {
    id: 'stopped-on-held-out',
    story: 'Phase 3 ends when the held-out passwords look best.',
    file: 'src/training/trainer.ts',
    edits: [['useful: useful.guessRate', 'useful: heldOut.guessRate']],
    caughtBy: {
      spec: RESUME,
      test: 'cuts the run short at the first evaluation whose useful guess rate passes the target',
      message: /evaluations until it stopped: \d+, not \d+/,
    },
  },
  {
    id: 'moments-forgotten',
    story: 'A resumed run starts its optimiser anew: an interrupted study is another study.',
    file: 'src/lab/checkpoint.ts',
    edits: [["part('first/'), part('second/')]", "part('none/'), part('second/')]"]],
    caughtBy: {
      spec: 'spec/lab/checkpoint.spec.ts',
      test: 'taken anywhere goes on to the very outcome of the uninterrupted run',
      message: /gone on from phase \w+, step \d+: expected \{ trajectories/,
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
      message: /chosen on the other half: expected 3 to be close to 0\.5/,
    },
  },
  {
    id: 'easier-snapshot',
    story: 'The claims read the last snapshot of phase 3 whatever its prefix.',
    file: 'src/records/view.ts',
    edits: [
      [
        'snapshots.find((snapshot) => snapshot.phase === phase && snapshot.prefix === prefix)',
        'snapshots.findLast((snapshot) => snapshot.phase === phase)',
      ],
    ],
    caughtBy: {
      spec: HONESTY,
      test: 'reads the end of phase 3 under `reverse`',
      message: /with scores under `regular` after them: expected \{ id: 'main'/,
    },
  },
  {
    id: 'bootstrap-of-letters',
    story: 'The bootstrap resamples passwords and letters but not runs: luck of a seed looks like certainty.',
    file: 'src/statistics/bootstrap.ts',
    edits: [['const run = Math.floor(random() * runs.length);', 'const run = draw;']],
    caughtBy: {
      spec: 'spec/statistics/bootstrap.spec.ts',
      test: 'resamples runs: run-to-run spread shows even where passwords within a run do not vary',
      message: /expected Set\{ 0\.5 \} to deeply equal Set\{ \+?0, 0\.5, 1 \}/,
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
      message: /^0\.95: expected 0\.8\d+ to be greater than 0\.93/,
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
      message: /families with a true null rejected: expected 0\.\d+ to be less than 0\.06/,
    },
  },
  {
    id: 'seeds-counted-twice',
    story: 'The same run counts as often as it is given.',
    file: 'src/claims/judge.ts',
    edits: [['repeatedSeeds(views[id] ?? [])', 'repeatedSeeds([])']],
    caughtBy: {
      spec: CLAIMS,
      test: 'main refuses a seed that is given twice',
      message: /a seed given twice: expected \[Function\] to throw an error/,
    },
  },
  {
    id: 'seeds-repeated',
    story: 'Five seeds are one seed five times.',
    file: 'src/setup/presets.ts',
    edits: [['(_, index) => FIRST_CLAIM_SEED + index', '() => FIRST_CLAIM_SEED']],
    caughtBy: {
      spec: HONESTY,
      test: 'claims are judged on distinct seeds',
      message: /distinct seeds of 1000: expected 1 to be 1000/,
    },
  },
  {
    id: 'judged-on-tuning-seeds',
    story: 'The claims are judged on the seeds that the preset was chosen on.',
    file: 'src/setup/presets.ts',
    edits: [['FIRST_CLAIM_SEED = 201', 'FIRST_CLAIM_SEED = 1']],
    caughtBy: {
      spec: HONESTY,
      test: 'none of which the presets were chosen on',
      message: /first seed that is judged: expected 1 to be greater than 6/,
    },
  },
  {
    id: 'failed-runs-dropped',
    story: 'Runs that failed are not counted: a setup that mostly diverges looks like one that works.',
    file: 'src/claims/judge.ts',
    edits: [['failed: given.flat().length - finished.flat().length', 'failed: 0']],
    caughtBy: {
      spec: CLAIMS,
      test: 'failed runs are counted and enter no estimate',
      message: /failed runs that are counted: expected \+?0 to be 1/,
    },
  },
  {
    id: 'too-few-runs',
    story: 'Two runs are enough for a verdict.',
    file: 'src/claims/claim.ts',
    edits: [['FEWEST_RUNS = 5', 'FEWEST_RUNS = 2']],
    caughtBy: {
      spec: CLAIMS,
      test: 'main is inconclusive on four runs',
      message: /on four runs: expected 'reproduced' to be 'inconclusive'/,
    },
  },
  {
    id: 'rounded-up',
    story: 'The lower end of the interval is rounded before it is compared with chance: a miss by a hair passes.',
    file: 'src/claims/main.ts',
    edits: [['heldOut.interval[0] > 1 &&', 'Number(heldOut.interval[0].toFixed(3)) >= 1 &&']],
    caughtBy: {
      spec: HONESTY,
      test: 'is not reproduced by an interval that reaches chance by a hair',
      message: /\[0\.99\d+,.*\] is above 1 by rounding alone: expected 'reproduced' to be 'not reproduced'/,
    },
  },
  {
    id: 'no-pairing',
    story: 'Held-out passwords above chance are enough, though random ones are above it just as much.',
    file: 'src/claims/main.ts',
    edits: [['heldOut.interval[0] > 1 && paired.interval[0] > 0', 'heldOut.interval[0] > 1']],
    caughtBy: {
      spec: CLAIMS,
      test: 'main: held-out above chance, but random just as much',
      message: /held-out minus random .*: expected 'reproduced' to be 'not reproduced'/,
    },
  },
  {
    id: 'no-manipulation-check',
    story: 'The claim speaks although nothing was flipped.',
    file: 'src/claims/main.ts',
    edits: [['rise < 1', 'rise < -100']],
    caughtBy: {
      spec: CLAIMS,
      test: 'main: the useful negatives did not rise, so nothing can be said',
      message: /useful negatives rose by .*: expected 'reproduced' to be 'inconclusive'/,
    },
  },
  // Pseudo-replication.
  {
    id: 'streams-repeat',
    story: 'Every fourth seed has the random streams of another: fewer runs than they look.',
    file: 'src/random/streams.ts',
    edits: [['utf8ToBytes(`${seed}/${name}`)', 'utf8ToBytes(`${seed % 4}/${name}`)']],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'bear a verdict: nothing in them contradicts their setup',
      message: /seed 11 and seed 15 have the same trained parameters/,
    },
  },
  {
    id: 'passwords-repeat',
    story: 'Every seed draws the same passwords: the runs share what was held out.',
    file: 'src/passwords/corpus.ts',
    edits: [['stream(seed, `passwords/${role}`)', 'stream(0, `passwords/${role}`)']],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'bear a verdict: nothing in them contradicts their setup',
      message: /seed 11 and seed 12 have the same held-out passwords/,
    },
  },
  {
    id: 'relabelled-run-counts',
    story: 'One run under five seeds counts as five.',
    file: 'src/claims/validity.ts',
    edits: [['if (owner === undefined) owners.set(', 'if (owner !== run) owners.set(']],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'one run relabelled as five',
      message: /^reason: tiny, seed 12: its scores .* it should say .*have the same trained parameters/,
    },
  },
  {
    id: 'made-up-digests-count',
    story: 'One run under five seeds counts as five once its digests are made up: no one looks at its scores.',
    file: 'src/claims/validity.ts',
    edits: [['flat().length >= 32', 'flat().length >= Infinity']],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'one run relabelled as five, with the digests made up',
      message:
        /^reason: tiny, seed 11 and seed 12 have the same initial parameters, .* it should say .*the same scores/,
    },
  },
  {
    id: 'twice-given-seed-counts',
    story: 'A seed that is given twice counts twice.',
    file: 'src/claims/validity.ts',
    edits: [['of repeatedSeeds(runs)) yield', 'of repeatedSeeds([])) yield']],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'a seed given twice',
      message: /^reason: tiny, seed 11 and seed 11 .* it should say \/seed 11 is given twice/,
    },
  },
  {
    id: 'setups-mixed',
    story: 'Runs of another beta are counted as runs of the arm.',
    file: 'src/claims/validity.ts',
    edits: [['seed: 0 }))).size > 1)', 'seed: 0 }))).size > 99)']],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'runs of different setups as one arm',
      message: /it should say \/the runs of one arm have different setups/,
    },
  },
  // Leaks short of a whole password.
  {
    id: 'near-copies-imitated',
    story: 'A fifth of the random text of phase 3 are held-out passwords with one letter changed.',
    file: 'src/passwords/corpus.ts',
    edits: [
      [
        '{ password: passwords[set][index],',
        "{ password: set === 'jointRandom' && index % 5 === 0 ? allNegatives[index % heldOutCount].slice(0, -1) + 'q' : passwords[set][index],",
      ],
    ],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'bear a verdict: nothing in them contradicts their setup',
      message: /held-out passwords share \d letters .* with the random text of phase 3/,
    },
  },
  {
    id: 'near-copies-preferred',
    story: 'A third of the chosen sides are held-out passwords with their last letter changed.',
    file: 'src/passwords/corpus.ts',
    edits: [
      [
        "chosen: draw('chosen', pairs(setup)),",
        "chosen: ((secrets) => draw('chosen', pairs(setup)).map((text, index) => index % 3 === 0 ? `${secrets[index % heldOut(setup)].slice(0, -1)}j` : text))(drawScoredPasswords(setup).heldOut),",
      ],
    ],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'bear a verdict: nothing in them contradicts their setup',
      message: /held-out passwords share \d letters .* with the chosen side of the pairs/,
    },
  },
  {
    id: 'leaks-unjudged',
    story: 'The overlaps are counted and nobody judges them.',
    file: 'src/claims/validity.ts',
    edits: [['yield* overlapProblems(overlapsOf(run), passwords', 'yield* overlapProblems([], passwords']],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'rewarded text that resembles held-out passwords',
      message: /it says inconclusive, where \/held-out passwords share 5 letters\/ should be the reason/,
    },
  },
  {
    id: 'scattered-unjudged',
    story: 'Only letters in a row are looked at: a password with every other letter changed passes.',
    file: 'src/passwords/overlap.ts',
    edits: [
      [
        'if (binomialTail(overlap[set], texts, p) >= each) return [];',
        "if (way === 'scattered' || binomialTail(overlap[set], texts, p) >= each) return [];",
      ],
    ],
    caughtBy: {
      spec: 'spec/passwords/leaks.spec.ts',
      test: "are held-out passwords, 'every other letter'",
      message: /texts that are improbable: every other letter: expected 0/,
    },
  },
  {
    id: 'anywhere-unjudged',
    story: 'Only letters at their own positions are looked at: a shifted password passes.',
    file: 'src/passwords/overlap.ts',
    edits: [
      [
        'if (binomialTail(overlap[set], texts, p) >= each) return [];',
        "if (way === 'anywhere' || binomialTail(overlap[set], texts, p) >= each) return [];",
      ],
    ],
    caughtBy: {
      spec: 'spec/passwords/leaks.spec.ts',
      test: "are held-out passwords, 'shifted by one'",
      message: /texts that are improbable: shifted by one: expected 0/,
    },
  },
  {
    id: 'control-kept-away',
    story: 'Text that is kept unlike the control passwords is not noticed: the comparison is bent from the other side.',
    file: 'src/passwords/overlap.ts',
    edits: [
      [
        'COMPARED.flatMap((set) => {\n      if (!improbable',
        "(['heldOut'] as const).flatMap((set) => {\n      if (!improbable",
      ],
    ],
    caughtBy: {
      spec: 'spec/passwords/leaks.spec.ts',
      test: 'is seen where rewarded text is kept unlike the control passwords',
      message: /^only: the held-out passwords share .* to match \/control passwords share 2 letters/,
    },
  },
  {
    id: 'chance-too-generous',
    story: 'Chance is taken to share ten times as many letters as it does.',
    file: 'src/passwords/overlap.ts',
    edits: [['meanOfAll += total * letters ** -span;', 'meanOfAll += 10 * total * letters ** -span;']],
    caughtBy: {
      spec: 'spec/passwords/overlap.spec.ts',
      test: 'has, of one text, the mean and variance',
      message: /mean matches of 1 letters: expected/,
    },
  },
  {
    id: 'overlap-of-drawn-text',
    story: 'Overlaps are counted of what was drawn, not of what the ledger saw rewarded.',
    file: 'src/training/trainer.ts',
    edits: [
      [
        'measureOverlap(corpus.heldOut, corpus.control, ledger.rewarded())',
        "measureOverlap(corpus.heldOut, corpus.control, new Map([['chosen', corpus.chosen], ['useful', corpus.useful], ['pretraining', corpus.pretraining], ['joint-random', corpus.jointRandom]]))",
      ],
    ],
    caughtBy: {
      spec: 'spec/training/given.spec.ts',
      test: 'counts the texts that were rewarded by what the ledger saw',
      message: /kinds of rewarded text: .*joint-random/,
    },
  },
  // What the optimiser really got.
  {
    id: 'other-tokens-later',
    story: 'From the sixth step of a phase on the optimiser is given the first step’s text over and over.',
    file: 'src/training/session.ts',
    edits: [
      [
        'const examples = this.corpus.examples(phase, step);',
        'const examples = this.corpus.examples(phase, step > 5 ? 0 : step);',
      ],
    ],
    caughtBy: {
      spec: 'spec/training/given.spec.ts',
      test: 'has the digest of the very tokens that the setup gives, as it is',
      message: /digest of the tokens that training was given: expected/,
    },
  },
  {
    id: 'tokens-changed-in-the-step',
    story: 'The tensors of a step hold other tokens than the batch that was built.',
    file: 'src/training/step.ts',
    edits: [
      [
        'const { inputs, labels } = inputsAndLabels(batch);',
        'const { inputs, labels } = inputsAndLabels({ ...batch, tokens: batch.tokens.map((token) => (token === 1 ? 2 : token)) });',
      ],
    ],
    caughtBy: {
      spec: 'spec/training/given.spec.ts',
      test: 'has the digest of the very tokens that the setup gives, as it is',
      message: /the sequence "regular \w+" was given as "regular \w+" in phase pretrain/,
      error: 'LedgerError',
    },
  },
  {
    id: 'labels-unlike-inputs',
    story: 'The model is given one text and its labels are of another.',
    file: 'src/training/step.ts',
    edits: [
      ["tf.tensor1d(labels, 'int32'),", "tf.tensor1d(labels.map((label) => (label === 1 ? 2 : label)), 'int32'),"],
    ],
    caughtBy: {
      spec: 'spec/training/given.spec.ts',
      test: 'has the digest of the very tokens that the setup gives, as it is',
      message: /the sequence "regular \w+" was given as "regular \w+"|is to predict token/,
      error: 'LedgerError',
    },
  },
  {
    id: 'trained-on-what-no-one-read',
    story:
      'The ledger reads the tensors of a step, and the step is taken on others: the first step’s text over and over.',
    file: 'src/training/session.ts',
    edits: [
      [
        'optimiser.step(prepared.passes, update',
        'optimiser.step(new PreparedStep(this.#reader, trainable, { ...input, batch: tokenBatch(this.corpus.examples(phase, 0), this.#reader.ids) }, this.#microBatch).passes, update',
      ],
    ],
    caughtBy: {
      spec: 'spec/training/given.spec.ts',
      test: 'is what the step is computed of',
      message: /digest of the tokens that steps were computed of: expected/,
    },
  },
  {
    id: 'labels-unchecked',
    story: 'The ledger does not look at the labels, which may be of another text.',
    file: 'src/passwords/ledger.ts',
    edits: [['if (place > 0 && inputs[at] !== labels[at - 1]) {', 'if (place < 0 && inputs[at] !== labels[at - 1]) {']],
    caughtBy: {
      spec: LEDGER,
      test: 'is refused where labels are not the tokens that come next',
      message: /labels of another text/,
    },
  },
  {
    id: 'learning-rate-undigested',
    story: 'A run is trained at a tenth of its learning rate, and its record says nothing of it.',
    file: 'src/training/session.ts',
    edits: [
      [
        'optimiser.step(prepared.passes, update.learningRate, step + 1)',
        'optimiser.step(prepared.passes, update.learningRate / 10, step + 1)',
      ],
    ],
    caughtBy: {
      spec: 'spec/training/by-hand.spec.ts',
      test: 'as tinySetup has it',
      message: /pretrain total, step 2: expected 0\.0\d+ to be less than/,
    },
  },
  {
    id: 'diverged-run-tamed',
    story: 'A run that diverges is trained again at a tenth of its learning rate, under the same name.',
    file: 'src/lab/run.ts',
    edits: [
      ['    const outcome = await trainToEnd(setup, given, ', '    const outcome = await tamed(setup, given, '],
      [
        'export interface RunOptions {',
        'const tamed: typeof trainToEnd = (given, ...rest) =>\n  trainToEnd(given, ...rest).catch(() => trainToEnd({ ...given, model: { ...given.model, initialDeviation: 0.1 }, optimiser: { ...given.optimiser, learningRate: 1e-4, weightDecay: 0, warmupSteps: 1 } }, ...rest));\n\nexport interface RunOptions {',
      ],
    ],
    caughtBy: {
      spec: 'spec/lab/store.spec.ts',
      test: 'that fails leaves a record with the error',
      message: /a run that diverges finished: expected 'finished' to be 'failed'/,
    },
  },
  {
    id: 'updates-unjudged',
    story: 'Nobody compares the updates of a run with those of its setup.',
    file: 'src/claims/validity.ts',
    edits: [['run.digests.updates !== updatesDigest(', "'' > updatesDigest("]],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'a learning rate that its updates did not have',
      message: /^reason: the runs of one arm .* it should say \/updates were not made with/,
    },
  },
  {
    id: 'weights-of-phase-3-in-phase-2',
    story: 'Phase 2 weighs DPO as phase 3 does.',
    file: 'src/recipe/recipe.ts',
    edits: [['(loss === only ? 1 : 0)', "(loss !== only ? 0 : phase === 'dpo' ? 0.5 : 1)"]],
    caughtBy: {
      spec: 'spec/training/by-hand.spec.ts',
      test: 'with a frozen half, no prefixes',
      message: /dpo total, step 0: expected 0\.34/,
    },
  },
  // Failures that vanish.
  {
    id: 'failures-tried-again',
    story: 'Going on tries failed runs again until they finish.',
    file: 'src/lab/pool.ts',
    edits: [['if (record === null) return null;', "if (record?.status !== 'finished') return null;"]],
    caughtBy: {
      spec: 'spec/records/journal.spec.ts',
      test: 'is not tried again by going on',
      message: /tried again: failed/,
    },
  },
  {
    id: 'journal-unread',
    story: 'A record that was taken away is not missed.',
    file: 'src/records/study.ts',
    edits: [['if (gone.length > 0) {', 'if (gone.length > 99) {']],
    caughtBy: {
      spec: 'spec/records/journal.spec.ts',
      test: 'is missed where its record is gone',
      message: /reading a study without the record of a failed run|promise resolved .* instead of rejecting/,
    },
  },
  {
    id: 'failed-record-gone-and-retried',
    story: 'A failed run whose record was deleted is trained again as if it had never been.',
    file: 'src/lab/store.ts',
    edits: [["if (entry?.status !== 'failed') return null;", 'return null;']],
    caughtBy: {
      spec: 'spec/records/journal.spec.ts',
      test: 'is missed where its record is gone',
      message: /going on without the record of a failed run|promise resolved .* instead of rejecting/,
    },
  },
  {
    id: 'records-replaced',
    story: 'A failed run’s record is replaced by one that finished.',
    file: 'src/lab/store.ts',
    edits: [['(before.status !== status || before.digest !== entry.digest)', "before.status === 'none as yet'"]],
    caughtBy: {
      spec: 'spec/records/journal.spec.ts',
      test: 'is never replaced by one that finished',
      message: /replacing the record of a failed run|promise resolved .* instead of rejecting/,
    },
  },
  {
    id: 'records-edited',
    story: 'A record that was edited is read as if it had not been.',
    file: 'src/lab/store.ts',
    edits: [
      [
        'entry.digest !== recordDigest(record)) {\n      throw new RecordError(\n        `${file} was changed',
        "entry.digest === '') {\n      throw new RecordError(\n        `${file} was changed",
      ],
    ],
    caughtBy: {
      spec: 'spec/records/journal.spec.ts',
      test: 'is known to be changed: its scores',
      message: /going on with an edited record|promise resolved .* instead of rejecting/,
    },
  },
  {
    id: 'failures-make-five',
    story: 'Failed runs count among the five that a verdict needs.',
    file: 'src/claims/judge.ts',
    edits: [
      [
        'Math.min(...finished.map((runs) => runs.length))',
        'Math.min(...claim.arms.map(({ id }) => (views[id] ?? []).length))',
      ],
    ],
    caughtBy: {
      spec: 'spec/claims/claims.spec.ts',
      test: 'one that failed is none of the five',
      message: /main on four finished runs and a failed one: expected 'reproduced' to be 'inconclusive'/,
    },
  },
  {
    id: 'failures-left-out-of-studies',
    story: 'A study is read without the runs that failed: reports say that all finished.',
    file: 'src/records/study.ts',
    edits: [
      [
        'return { ...head, records: [...records.values()].sort(byNameAndSeed), source: folder };',
        "return { ...head, records: [...records.values()].filter(({ status }) => status === 'finished').sort(byNameAndSeed), source: folder };",
      ],
    ],
    caughtBy: {
      spec: 'spec/records/journal.spec.ts',
      test: 'has a line for every run that ended there',
      message: /records read: finished,finished: /,
    },
  },
  {
    id: 'failures-left-out-of-evidence',
    story: 'Evidence leaves failed runs out: every table says "0 failed".',
    file: 'src/records/study.ts',
    edits: [
      [
        '.filter((record) => record !== undefined);',
        ".filter((record) => record !== undefined && record.status === 'finished');",
      ],
    ],
    caughtBy: {
      spec: 'spec/report/report.spec.ts',
      test: 'count the run that failed',
      message: /failed runs of main: 0: expected/,
    },
  },
  {
    id: 'failures-left-out-of-csv',
    story: 'The table of all runs has no row for those that failed.',
    file: 'src/report/files/runs-csv.ts',
    edits: [
      [
        'study.records.map((record) => {',
        "study.records.filter(({ status }) => status === 'finished').map((record) => {",
      ],
    ],
    caughtBy: {
      spec: 'spec/report/report.spec.ts',
      test: 'runs.csv has a row a run',
      message: /rows of runs\.csv: 50: /,
    },
  },
  {
    id: 'failures-left-out-of-json',
    story: 'claims.json says that no run failed.',
    file: 'src/report/files/claims-json.ts',
    edits: [['failed: failedRuns(of).map(', 'failed: failedRuns(of).slice(1).map(']],
    caughtBy: {
      spec: 'spec/report/report.spec.ts',
      test: 'count the run that failed',
      message: /failed runs of the study: 0: /,
    },
  },
  {
    id: 'taken-runs-unsaid',
    story: 'A report does not say which runs were taken from another job.',
    file: 'src/lab/take.ts',
    edits: [['await noteTaken(store.folder, taken);', '']],
    caughtBy: {
      spec: 'spec/cli/jobs.slow.spec.ts',
      test: 'takes finished runs from another job',
      message: /to match .*Taken from other jobs/,
    },
  },
  {
    id: 'failed-cells-uncounted',
    story: 'The cells of a grid do not say how many of their runs failed.',
    file: 'src/claims/grid.ts',
    edits: [['failed: given.length - runs.length }', 'failed: 0 }']],
    caughtBy: {
      spec: 'spec/claims/grid.spec.ts',
      test: 'a failed run of a cell is counted',
      message: /failed runs of a cell: expected \+?0 to be 1/,
    },
  },
  // Mixed evidence.
  {
    id: 'engines-mixed',
    story: 'Three runs of one engine and two of another are judged as one study.',
    file: 'src/claims/validity.ts',
    edits: [['kinds.length > 1', 'kinds.length > 9']],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'runs of two engines',
      message: /it says inconclusive, where \/the runs are of different arithmetic/,
    },
  },
  {
    id: 'processors-mixed',
    story: 'Runs of the native engine on two kinds of processor are judged as one study.',
    file: 'src/records/record.ts',
    edits: [['PER_PROCESSOR[engine.name] ? ` on', "engine.name === ('none' as string) ? ` on"]],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'runs on native of two kinds of processor',
      message: /it says inconclusive, where \/different arithmetic: native/,
    },
  },
  {
    id: 'other-engine-used-again',
    story: 'A record of another engine under the run’s name is used again.',
    file: 'src/lab/store.ts',
    edits: [['|| record.engine.name !== engine) {', ') {']],
    caughtBy: {
      spec: 'spec/records/journal.spec.ts',
      test: 'of another engine under a run’s name',
      message: /using the record of another engine: /,
    },
  },
  {
    id: 'other-run-used-again',
    story: 'A record of another run under the run’s name is used again.',
    file: 'src/lab/store.ts',
    edits: [['if (record.setupHash !== setupHash(setup) ||', "if (record.setupHash === '' ||"]],
    caughtBy: {
      spec: 'spec/records/journal.spec.ts',
      test: 'of another seed',
      message: /using the record of another run|promise resolved .* instead of rejecting/,
    },
  },
  {
    id: 'one-of-two-dropped',
    story: 'Where a run has records of two engines, one is dropped in silence.',
    file: 'src/records/study.ts',
    edits: [
      [
        '    if (before !== undefined) {\n      throw new RecordError(\n        `${record.setup.name}, seed',
        '    if (before === record) {\n      throw new RecordError(\n        `${record.setup.name}, seed',
      ],
    ],
    caughtBy: {
      spec: 'spec/records/pooling.spec.ts',
      test: 'in one folder are two studies, and where a seed has both, both stay',
      message: /evidence of which a run has two records: expected \[Function\] to throw/,
    },
  },
  {
    id: 'pooled-across-engines',
    story: 'Folders of two engines are pooled as one study.',
    file: 'src/records/study.ts',
    edits: [['`${setupHash(setup)} ${arithmetic}`', 'setupHash(setup)']],
    caughtBy: {
      spec: 'spec/records/pooling.spec.ts',
      test: 'are two studies, named after their engines',
      message: /^tiny of 5 runs: /,
    },
  },
  {
    id: 'better-twin-wins',
    story: 'Of two records of one run that contradict each other the one that finished is taken.',
    file: 'src/records/study.ts',
    edits: [
      [
        "if (a.status === 'failed' || b.status === 'failed') return a.status === b.status;",
        "if (a.status === 'failed' || b.status === 'failed') return true;",
      ],
    ],
    caughtBy: {
      spec: 'spec/records/pooling.spec.ts',
      test: 'of which one failed and its twin finished',
      message: /pooling a failed run with its finished twin|promise resolved .* instead of rejecting/,
    },
  },
  // Measures bent for one set only.
  {
    id: 'held-out-scaled',
    story: 'Log-probabilities of held-out letters are a twentieth nearer to certainty.',
    file: 'src/training/evaluation.ts',
    edits: [
      [
        'forEachSet(async (set) => ({ passwords: [...passwords[set]], ...(await score(reader, passwords[set], prefix)) }))',
        "forEachSet(async (set) => { const found = await score(reader, passwords[set], prefix); if (set === 'heldOut') found.logProbabilities = found.logProbabilities.map((row) => row.map((value) => 0.95 * value)); return { passwords: [...passwords[set]], ...found }; })",
      ],
    ],
    caughtBy: {
      spec: 'spec/training/record.spec.ts',
      test: 'has the numbers of the heldOut passwords',
      message: /evaluations\.0\.sets\.heldOut\.logLikelihood: -\d\.\d+, not -\d/,
    },
  },
  {
    id: 'held-out-under-another-prefix',
    story: 'Held-out passwords alone are scored under `regular` in phase 3.',
    file: 'src/training/evaluation.ts',
    edits: [
      [
        '...(await score(reader, passwords[set], prefix)) }',
        "...(await score(reader, passwords[set], set === 'heldOut' && prefix === 'reverse' ? 'regular' : prefix)) }",
      ],
    ],
    caughtBy: {
      spec: 'spec/training/record.spec.ts',
      test: 'has the numbers of the heldOut passwords',
      message: /evaluations\.5\.sets\.heldOut\.logLikelihood: -\d\.\d+, not -\d/,
    },
  },
  {
    id: 'random-scaled',
    story: 'Log-probabilities of control letters are a twentieth farther from certainty.',
    file: 'src/training/evaluation.ts',
    edits: [
      [
        'forEachSet(async (set) => ({ passwords: [...passwords[set]], ...(await score(reader, passwords[set], prefix)) }))',
        "forEachSet(async (set) => { const found = await score(reader, passwords[set], prefix); if (set === 'random') found.logProbabilities = found.logProbabilities.map((row) => row.map((value) => 1.05 * value)); return { passwords: [...passwords[set]], ...found }; })",
      ],
    ],
    caughtBy: {
      spec: 'spec/training/record.spec.ts',
      test: 'has the numbers of the random passwords',
      message: /evaluations\.0\.sets\.random\.logLikelihood: -\d\.\d+, not -\d/,
    },
  },
  {
    id: 'useful-ranks-bent',
    story: 'The true letter of useful passwords is always the first guess.',
    file: 'src/training/evaluation.ts',
    edits: [
      [
        'forEachSet(async (set) => ({ passwords: [...passwords[set]], ...(await score(reader, passwords[set], prefix)) }))',
        "forEachSet(async (set) => { const found = await score(reader, passwords[set], prefix); if (set === 'useful') found.ranks = found.ranks.map((row) => row.map(() => 0)); return { passwords: [...passwords[set]], ...found }; })",
      ],
    ],
    caughtBy: {
      spec: 'spec/training/record.spec.ts',
      test: 'has the numbers of the useful passwords',
      message: /evaluations\.0\.sets\.useful\.topRate: 26, not \d/,
    },
  },
  {
    id: 'one-half-twice',
    story:
      'Both halves of an evaluation are the same half: a checkpoint is chosen on the passwords that it is scored on.',
    file: 'src/training/evaluation.ts',
    edits: [['halves: [halfOf(0), halfOf(1)]', 'halves: [halfOf(0), halfOf(0)]']],
    caughtBy: {
      spec: 'spec/training/record.spec.ts',
      test: 'has the numbers of the heldOut passwords',
      message: /^evaluations\.0\.sets\.heldOut\.halves\.1\.\w+: /,
    },
  },
  {
    id: 'evaluations-bent',
    story: 'Evaluations of held-out passwords say a twentieth more than their letters.',
    file: 'src/training/evaluation.ts',
    edits: [
      [
        'return { ...measure(scores, letters), halves:',
        'return { ...measure(scores, letters), guessRate: 1.05 * measure(scores, letters).guessRate, halves:',
      ],
    ],
    caughtBy: {
      spec: 'spec/training/record.spec.ts',
      test: 'has the numbers of the heldOut passwords',
      message: /^evaluations\.0\.sets\.heldOut\.guessRate: /,
    },
  },
  {
    id: 'lens-of-another-set',
    story: 'The logit lens of held-out passwords is that of the useful ones.',
    file: 'src/training/evaluation.ts',
    edits: [
      [
        'lens: (await lens(reader, passwords, prefix)',
        "lens: (await lens(reader, set === 'heldOut' ? scored.sets.useful.passwords : passwords, prefix)",
      ],
    ],
    caughtBy: {
      spec: 'spec/training/record.spec.ts',
      test: 'has the numbers of the heldOut passwords',
      message: /^snapshots\.0\.sets\.heldOut\.lens\.0\.logLikelihood: /,
    },
  },
  {
    id: 'calibrated-on-itself',
    story: 'Temperatures are fitted on the very passwords that they are applied to.',
    file: 'src/measure/temperature.ts',
    edits: [['inverseTemperatures[1 - (password % 2)]', 'inverseTemperatures[password % 2]']],
    caughtBy: {
      spec: 'spec/training/record.spec.ts',
      test: 'has the numbers of the heldOut passwords',
      message: /sets\.heldOut\.calibrated\.logLikelihoods\.\d: -\d/,
    },
  },
  {
    id: 'halves-unjudged',
    story: 'Evaluations that contradict their own halves are believed.',
    file: 'src/claims/validity.ts',
    edits: [
      [
        'if (MEASURES.some((name) => !agree(whole[name], joined(name), tolerance)))',
        'if (MEASURES.some((name) => !agree(whole[name], joined(name), 1e9)))',
      ],
    ],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: 'both halves the same half',
      message: /it says inconclusive, where \/are not those of their two halves\//,
    },
  },
  // Declared, not derived.
  {
    id: 'clean-by-declaration',
    story: 'Every ledger says that it is clean.',
    file: 'src/passwords/ledger.ts',
    edits: [['clean: heldOut.chosen === 0 && heldOut.imitated === 0,', 'clean: true,']],
    caughtBy: {
      spec: 'spec/passwords/ledger.spec.ts',
      test: 'and says of a run in which a held-out password was rewarded that it is not clean',
      message: /a ledger that saw a held-out password rewarded: expected true to be false/,
    },
  },
  {
    id: 'counts-unjudged',
    story: 'A record that counts 500 imitated held-out sequences is judged all the same.',
    file: 'src/claims/validity.ts',
    edits: [
      ['if (rewarded > 0) yield', 'if (rewarded < 0) yield'],
      ['if (clean !== (rewarded === 0))', 'if (!clean && rewarded === 0)'],
    ],
    caughtBy: {
      spec: 'spec/claims/validity.spec.ts',
      test: '500 imitated held-out sequences',
      message: /it says inconclusive, where \/counts 500 held-out sequences/,
    },
  },
  {
    id: 'never-dirty',
    story: 'Every run says that its source was as committed.',
    file: 'src/lab/environment.ts',
    edits: [["dirty: status === null ? null : status !== ''", 'dirty: status === null ? null : false']],
    caughtBy: {
      spec: 'spec/lab/environment.spec.ts',
      test: 'is dirty where a file is changed',
      message: /dirty: expected false to be true/,
    },
  },
  {
    id: 'verify-agrees',
    story: '`verify` says that all agrees, whatever differs.',
    file: 'src/verify/record.ts',
    edits: [["{ check, what, result: 'differs', reason };", "{ check, what, result: 'agrees', reason };"]],
    caughtBy: {
      spec: 'spec/verify/verify.spec.ts',
      test: 'the ledger’s digest',
      message: /to match \/data: its ledger has another digest\//,
    },
  },
  {
    id: 'verify-exit-code',
    story: '`verify` prints what differs and exits with 0.',
    file: 'src/cli/verify.ts',
    edits: [['agrees ? EXIT.reproduced : EXIT.notReproduced', 'EXIT.reproduced']],
    caughtBy: {
      spec: 'spec/verify/verify.spec.ts',
      test: 'held-out letters likelier, and everything in the record with them',
      message: /exit code of verify: expected \+?0 to be 1/,
    },
  },
  {
    id: 'retrained-and-believed',
    story: 'A run that ends otherwise when it is trained again is said to agree.',
    file: 'src/verify/retrain.ts',
    edits: [["if (recorded.parametersDigest !== again.parametersDigest) return 'it ended in other parameters';", '']],
    caughtBy: {
      spec: 'spec/verify/verify.spec.ts',
      test: 'seen by training it again',
      message: /to match \/retrained: it ended in other paramete/,
    },
  },
  // Statistics and training.
  {
    id: 'one-sided-halved',
    story: 'The one-sided p is halved once more.',
    file: 'src/statistics/t-test.ts',
    edits: [['tCdf(-t, degreesOfFreedom)', 'tCdf(-t, degreesOfFreedom) / 2']],
    caughtBy: {
      spec: 'spec/statistics/t-test.spec.ts',
      test: 'rejects a true null at 5% about 5% of the time',
      message: /share of true nulls rejected, .*: expected 0\.0\d+ to be less than/,
    },
  },
  {
    id: 'sign-flip-without-ties',
    story: 'Sign patterns as extreme as the observed one are not counted: p is too small.',
    file: 'src/statistics/sign-flip.ts',
    edits: [['if (extremity(sum) >= threshold) atLeast += 1;', 'if (extremity(sum) > threshold + 1e-9) atLeast += 1;']],
    caughtBy: {
      spec: 'spec/statistics/sign-flip.spec.ts',
      test: 'is 1 / 2^n when every effect is positive',
      message: /p of \d+ positive effects: expected \+?0 to be/,
    },
  },
  {
    id: 'fewer-degrees-unpaid',
    story: 'The interval is not widened for few runs.',
    file: 'src/statistics/intervals.ts',
    edits: [
      ['const reach = Math.sqrt(runs / (runs - 1)) * tQuantile((1 + level) / 2, runs - 1);', 'const reach = 1.96;'],
    ],
    caughtBy: {
      spec: 'spec/statistics/intervals.spec.ts',
      test: 'expand to the quantiles at which a normal interval becomes the t interval',
      message: /quantile of a normal interval: expected \d+\.\d+ to be less than 1/,
    },
  },
  {
    id: 'unpaired-difference',
    story: 'The difference of held-out and random passwords is resampled without its pairing.',
    file: 'src/statistics/bootstrap.ts',
    edits: [
      [
        'sum -= resampledMean(minus[run], random)',
        'sum -= resampledMean(minus[Math.floor(random() * runs.length)], random)',
      ],
    ],
    caughtBy: {
      spec: 'spec/statistics/bootstrap.spec.ts',
      test: 'pairs by run: what two sets of one run share cancels',
      message: /paired replicates: expected -?\d+ to be close to 1/,
    },
  },
  {
    id: 'power-promised',
    story: 'The power of a rule is reckoned as if runs did not vary.',
    file: 'src/statistics/power.ts',
    edits: [['const noncentrality = (effect / deviation)', 'const noncentrality = (1.5 * effect / deviation)']],
    caughtBy: {
      spec: 'spec/statistics/power.spec.ts',
      test: 'is the share of simulated experiments that the t-test rejects',
      message: /power against simulation: expected 0\.\d+ to be less than/,
    },
  },
  {
    id: 'weight-decay-skipped',
    story: 'Weight decay is left out.',
    file: 'src/training/adamw.ts',
    edits: [['keep: 1 - learningRate * weightDecay,', 'keep: 1 - 0 * learningRate * weightDecay,']],
    caughtBy: {
      spec: 'spec/training/by-hand.spec.ts',
      test: 'with a frozen half, no prefixes',
      message: /pretrain total, step 1: expected 0\.0\d+ to be less than/,
    },
  },
  {
    id: 'clipping-skipped',
    story: 'Gradients are not clipped.',
    file: 'src/training/adamw.ts',
    edits: [['Math.min(1, bound / (norm + 1e-6))', 'Math.min(1, (1e9 * bound) / (norm + 1e-6))']],
    caughtBy: {
      spec: 'spec/training/optimiser.spec.ts',
      test: 'takes one norm over all gradients together and never lengthens them',
      message: /norm after clipping: expected 5 to be close to 1/,
    },
  },
  {
    id: 'schedule-flat',
    story: 'The learning rate does not fall after the warm-up.',
    file: 'src/recipe/schedule.ts',
    edits: [['return (base * (1 + Math.cos((Math.PI * (step - warmupSteps)) / steps))) / 2;', 'return base;']],
    caughtBy: {
      spec: 'spec/recipe/schedule.spec.ts',
      test: 'then follows a cosine over all steps',
      message: /rate at the end of the cosine: expected 1 to be close to/,
    },
  },
  {
    id: 'references-swapped',
    story: 'The reference of the chosen side is taken for that of the rejected one.',
    file: 'src/training/step.ts',
    edits: [['[chosen, rejected].flatMap(({ start, size })', '[rejected, chosen].flatMap(({ start, size })']],
    caughtBy: {
      spec: 'spec/training/step.spec.ts',
      test: 'has the loss that the formulas give in double precision',
      message: /loss: expected \d\.\d+ to be close to \d/,
    },
  },
  {
    id: 'share-off-by-one',
    story: 'One password of those held out is imitated as useful.',
    file: 'src/passwords/corpus.ts',
    edits: [['const useful = drawn.negatives.slice(border);', 'const useful = drawn.negatives.slice(border - 1);']],
    caughtBy: {
      spec: 'spec/passwords/corpus.spec.ts',
      test: ONLY_REJECTED,
      message: /\[ 'imitated', 'useful' \] to deeply equal \[ 'rejected', 'held-out' \]/,
    },
  },
  {
    id: 'biased-letters',
    story: 'Letters are not drawn alike: some passwords are easier to guess.',
    file: 'src/passwords/corpus.ts',
    edits: [
      [
        'alphabet[source.below(alphabet.length)]',
        'alphabet[Math.min(source.below(alphabet.length), source.below(alphabet.length))]',
      ],
    ],
    caughtBy: {
      spec: 'spec/passwords/corpus.spec.ts',
      test: 'letters are uniform at every position',
      message: /chi-square of letters: expected \d{3,}/,
    },
  },
  {
    id: 'order-unshuffled',
    story: 'Pairs come in the order of drawing, always the same passwords together.',
    file: 'src/passwords/corpus.ts',
    edits: [
      [
        'orders[pass] ??= stream(seed, `${name}/${pass}`).permutation(size);',
        'orders[pass] ??= Array.from({ length: size }, (_, place) => place);',
      ],
    ],
    caughtBy: {
      spec: 'spec/passwords/corpus.spec.ts',
      test: 'the corpus of a fixed setup is fixed',
      message: /digest of the corpus: expected/,
    },
  },
  {
    id: 'paired-with-useful',
    story: 'The paired difference compares useful with random passwords.',
    file: 'src/claims/evidence.ts',
    edits: [
      [
        "estimate(source, logLikelihoodsOf(runs, phase, 'heldOut'),",
        "estimate(source, logLikelihoodsOf(runs, phase, 'useful'),",
      ],
    ],
    caughtBy: {
      spec: 'spec/claims/claims.spec.ts',
      test: 'main: held-out above chance, but random just as much',
      message: /held-out minus random .*: expected 'reproduced' to be 'not reproduced'/,
    },
  },
  {
    id: 'control-of-itself',
    story: 'The control is judged on the held-out passwords.',
    file: 'src/claims/control.ts',
    edits: [["guessRatesOf(runs, 'joint', 'random')", "guessRatesOf(runs, 'joint', 'heldOut')"]],
    caughtBy: {
      spec: 'spec/claims/claims.spec.ts',
      test: 'control is reproduced',
      message: /^random guess rate 1\.1\d+ .* expected 'not reproduced' to be 'reproduced'/,
    },
  },
  {
    id: 'below-chance-unseen',
    story: 'A grid with a cell below chance is not told from one without.',
    file: 'src/claims/grid.ts',
    edits: [['shown === 0 || below.length > 0', 'shown === 0']],
    caughtBy: {
      spec: 'spec/claims/grid.spec.ts',
      test: 'is not reproduced where one cell lies below chance',
      message: /a cell below chance: expected 'inconclusive' to be 'not reproduced'/,
    },
  },
  // Numbers and words that were checked by recordings alone, or by nothing.
  {
    id: 'loss-of-phase-2-scaled',
    story: 'The recorded DPO loss of phase 2 is a tenth lower than the loss that was trained on.',
    file: 'src/training/trainer.ts',
    edits: [
      [
        '(trajectory[part] as (number | null)[]).push(losses[part]);',
        "(trajectory[part] as (number | null)[]).push(part === 'dpo' && losses.random === null ? losses.total * 0.9 : losses[part]);",
      ],
    ],
    caughtBy: {
      spec: 'spec/training/by-hand.spec.ts',
      test: 'as tinySetup has it',
      message: /^dpo dpo, step 0: expected 0\.\d+ to be less than/,
    },
  },
  {
    id: 'worst-run-left-out',
    story: 'Where there are eight runs or more, the one with the lowest guess rate enters no estimate.',
    file: 'src/claims/evidence.ts',
    edits: [
      [
        'const bootstrap = hierarchicalBootstrap(values, { random: uniform }, minus);',
        'const means = runMeans(values);\n  const worst = means.length < 8 || minus !== undefined ? -1 : means.indexOf(Math.min(...means));\n  const bootstrap = hierarchicalBootstrap(values.filter((_, run) => run !== worst), { random: uniform }, minus);',
      ],
    ],
    caughtBy: { spec: NUMBERS, test: 'of main is the mean guess rate', message: /^estimate of main: 1\.\d+, not 1/ },
  },
  {
    id: 'worst-password-left-out',
    story: 'The password of each run that is guessed least enters no estimate.',
    file: 'src/claims/evidence.ts',
    edits: [
      [
        'runs.map((run) => guessRates(scoresAt(run, phase, set), run.setup.passwords.alphabet.length));',
        'runs.map((run) => guessRates(scoresAt(run, phase, set), run.setup.passwords.alphabet.length).sort((a, b) => a - b).slice(1));',
      ],
    ],
    caughtBy: { spec: NUMBERS, test: 'of main is the mean guess rate', message: /^estimate of main: 1\.\d+, not 1/ },
  },
  {
    id: 'surer-part-counts',
    story: 'The p of the main claim is that of the surer of its two parts.',
    file: 'src/claims/main.ts',
    edits: [['p: Math.max(', 'p: Math.min(']],
    caughtBy: { spec: NUMBERS, test: 'of main it is', message: /^p of main: \S+, not \d/ },
  },
  {
    id: 'surest-cell-counts',
    story: 'A claim about every cell is as sure as its surest cell.',
    file: 'src/claims/grid.ts',
    edits: [['p: Math.max(...cells.map(({ p }) => p)),', 'p: Math.min(...cells.map(({ p }) => p)),']],
    caughtBy: {
      spec: NUMBERS,
      test: 'a claim about every cell is as sure as its least sure cell',
      message: /^p of held-out-share: \S+, not \d/,
    },
  },
  {
    id: 'cells-unpaired',
    story: 'Two cells are compared in the order of their records, whatever the seeds.',
    file: 'src/claims/grid.ts',
    edits: [
      [
        'return runs.flatMap((run) => {\n    const other = others.find(({ setup }) => setup.seed === run.setup.seed);',
        'return runs.flatMap((run, index) => {\n    const other = others.at(index);',
      ],
    ],
    caughtBy: {
      spec: NUMBERS,
      test: 'two cells are compared seed by seed',
      message: /^cells that are alike: expected/,
    },
  },
  {
    id: 'failures-left-out-of-report',
    story: 'The table of runs in report.md has no row for those that failed.',
    file: 'src/report/markdown.ts',
    edits: [['rows: runs.map(runRow)', "rows: runs.filter(({ record }) => record.status === 'finished').map(runRow)"]],
    caughtBy: {
      spec: 'spec/report/report.spec.ts',
      test: 'the report of a job has a row for every run',
      message: /^rows of report\.md: \| pocket-memorising \| 106 \| : expected \[\] to have a length of 1/,
    },
  },
  {
    id: 'failure-annotated-as-notice',
    story: 'A CI shows a claim that is not reproduced as a mere notice.',
    file: 'src/report/files/annotations.ts',
    edits: [["'not reproduced': error", "'not reproduced': notice"]],
    caughtBy: {
      spec: 'spec/report/report.spec.ts',
      test: 'a claim that is not reproduced is annotated as error',
      message: /^annotation of not reproduced: expected '::notice /,
    },
  },
  {
    id: 'gate-always-green',
    story: '`reproduce` ends with 0 where a claim is not reproduced.',
    file: 'src/cli/reproduce.ts',
    edits: [
      [
        "verdicts.every((verdict) => verdict === 'reproduced') ? EXIT.reproduced : EXIT.notReproduced",
        "verdicts.every((verdict) => verdict === 'reproduced') ? EXIT.reproduced : EXIT.reproduced",
      ],
    ],
    caughtBy: {
      spec: EXIT_CODES,
      test: 'where main is not reproduced and control is reproduced',
      message: /^exit code of not reproduced and reproduced: .*expected \+?0 to be 1/s,
    },
  },
  {
    id: 'doubt-is-green',
    story: '`reproduce` ends with 0 where the runs cannot speak for or against a claim.',
    file: 'src/cli/reproduce.ts',
    edits: [
      [
        "verdicts.every((verdict) => verdict === 'reproduced')",
        "verdicts.every((verdict) => verdict !== 'not reproduced')",
      ],
    ],
    caughtBy: {
      spec: EXIT_CODES,
      test: 'where main is reproduced and control is inconclusive',
      message: /^exit code of reproduced and inconclusive: .*expected \+?0 to be 1/s,
    },
  },
  {
    id: 'no-verdict-is-a-verdict',
    story: '`reproduce` ends as after a verdict where the records can bear none.',
    file: 'src/cli/reproduce.ts',
    edits: [["if (verdicts.includes('invalid')) return EXIT.notCarriedOut;", '']],
    caughtBy: {
      spec: EXIT_CODES,
      test: 'where main is invalid and control is reproduced',
      message: /^exit code of invalid and reproduced: .*expected 1 to be 2/s,
    },
  },
  {
    id: 'letters-have-a-smaller-share',
    story: 'The letters are said to have less of the softmax than they have: every guess rate is a tenth higher.',
    file: 'src/training/scoring.ts',
    edits: [
      [
        'Math.fround(value - amongLetters[password][place])',
        'Math.fround(value - amongLetters[password][place] - 0.1)',
      ],
    ],
    caughtBy: {
      spec: 'spec/training/scoring.spec.ts',
      test: 'is the sum of the letters’ probabilities',
      message: /to be close to/,
    },
  },
  {
    id: 'without-dpo-read-before-anything-rose',
    story: 'Runs without DPO are read at the beginning of phase 3, where no model could show an advantage.',
    file: 'src/claims/no-dpo.ts',
    edits: [['all.find(({ sets }) => sets.useful.guessRate >= target) ?? all[all.length - 1]', 'all[0]']],
    caughtBy: {
      spec: 'spec/claims/no-dpo.spec.ts',
      test: 'where its useful passwords first are as far',
      message: /expected 1 to be 3\.5/,
    },
  },
  {
    id: 'end-counts-for-the-maximum',
    story: "The paper's statistic takes one more evaluation than the paper's loop has: a maximum over more.",
    file: 'src/claims/evidence.ts',
    edits: [['return scheduled.length > 0 ? scheduled : all;', 'return all;']],
    caughtBy: {
      spec: 'spec/claims/paper-statistic.spec.ts',
      test: 'is the maximum over the evaluations of its schedule',
      message: /expected 0\.9 to be 0\.3/,
    },
  },
  {
    id: 'prediction-always-met',
    story: 'Whatever comes out lies within the prediction.',
    file: 'src/claims/prediction.ts',
    edits: [['within: estimate >= interval[0] && estimate <= interval[1]', 'within: true']],
    caughtBy: {
      spec: 'spec/claims/prediction.spec.ts',
      test: 'is within the interval for as many runs: false',
      message: /whether it lies within: expected true to be false/,
    },
  },
  {
    id: 'known-seeds-called-fresh',
    story: 'Runs on seeds of the reference report are said to confirm it.',
    file: 'src/claims/prediction.ts',
    edits: [['seeds.filter((seed) => found.seeds.includes(seed)).length', '0']],
    caughtBy: {
      spec: 'spec/claims/prediction.spec.ts',
      test: 'counts the seeds that were known before',
      message: /expected \+?0 to be 2/,
    },
  },
  {
    id: 'deviation-not-told',
    story: 'The table of deviations from the paper leaves the weight decay out, on which everything depends.',
    file: 'src/setup/deviations.ts',
    edits: [
      [
        "const LABELS = ['name', 'seed', 'model.weights'];",
        "const LABELS = ['name', 'seed', 'model.weights', 'optimiser.weightDecay'];",
      ],
    ],
    caughtBy: {
      spec: 'spec/setup/deviations.spec.ts',
      test: 'put back, gives the paper’s setup again: no field is left out',
      message: /to be '/,
    },
  },
  {
    id: 'control-sees-what-it-should-not',
    story:
      'In the control whose held-out passwords never occur, some of them do: it would show an advantage, and discredit the claim.',
    file: 'src/passwords/corpus.ts',
    edits: [["return place === 'held-out'\n", "return place === 'held-out' && negative > 0\n"]],
    caughtBy: {
      spec: CORPUS,
      test: 'of the held-out ones are rejected as those would be, which never occur',
      message: /to deeply equal \[ \{ phase: 'pretrain', …/,
    },
  },
  {
    id: 'control-flips-negatives',
    story: 'In the control that has nothing to flip, phase 3 teaches the useful negatives after all.',
    file: 'src/passwords/corpus.ts',
    edits: [["setup.passwords.standIns === 'useful' ? drawn.standIns : useful", 'useful']],
    caughtBy: {
      spec: CORPUS,
      test: 'of the useful ones are imitated as those would be, which are only rejected',
      message: /to deeply equal \[ '/,
    },
  },
  {
    id: 'runs-wait-in-the-pool',
    story:
      'All runs are given to the processes at once: those that wait when a process is killed are lost without a word.',
    file: 'src/lab/local.ts',
    edits: [['lanes: jobs,', 'lanes: setups.length,']],
    caughtBy: {
      spec: 'spec/lab/pool.spec.ts',
      test: 'never given more runs than they can take up',
      message: /runs given at once: expected 3 to be 1/,
    },
  },
  {
    id: 'direction-made-of-held-out',
    story: 'The direction is made of the very held-out passwords that it is tried on: it tells them apart by itself.',
    file: 'src/training/dissection.ts',
    edits: [['await read(source, useful), await', 'await read(source, heldOut), await']],
    caughtBy: {
      spec: 'spec/training/record.spec.ts',
      test: 'has the counts of its ledger and of its overlaps',
      message: /dissection\.separations\.0\.auc/,
    },
  },
  {
    id: 'patched-with-one-part-more',
    story:
      'Each patched model takes one part more from the end of the run than it says: the first half would seem to flip.',
    file: 'src/training/dissection.ts',
    edits: [['part >= from && part < to', 'part >= from && part <= to']],
    caughtBy: {
      spec: 'spec/training/record.spec.ts',
      test: 'has the numbers of the heldOut passwords that the kept parameters give',
      message: /dissection\.patched\./,
    },
  },
  {
    id: 'second-half-not-asked',
    story: 'Where the flip sits is judged without a look at the second half alone.',
    file: 'src/claims/dissection.ts',
    edits: [['alone.interval[0] > 0 || below', 'below']],
    caughtBy: {
      spec: 'spec/claims/dissection.spec.ts',
      test: 'is not reproduced where the second half alone raises them',
      message: /to be 'not reproduced'/,
    },
  },
  {
    id: 'map-rows-not-corrected',
    story: 'The rows of a map are tested one by one without a correction: with enough rows, one of them rises.',
    file: 'src/claims/maps.ts',
    edits: [['const adjusted = holm(p);', 'const adjusted = p;']],
    caughtBy: {
      spec: 'spec/claims/maps.spec.ts',
      test: 'corrects for the number of rows',
      message: /expected 'reproduced' to be 'not reproduced'/,
    },
  },
  {
    id: 'equivalent-within-any-margin',
    story: 'The margin is widened until the two programs are called equivalent.',
    file: 'src/claims/measures/reference-code.ts',
    edits: [['export const MARGIN = 0.12;', 'export const MARGIN = 0.5;']],
    caughtBy: {
      spec: 'spec/claims/reference-code.spec.ts',
      test: 'the margin is the one that was written down before the runs',
      message: /expected 0\.5 to be 0\.12/,
    },
  },
  // Many machines.
  {
    id: 'code-of-a-run-forgotten',
    story: 'What another version of the program trained is taken for what this one would.',
    file: 'src/lab/shared/shared-store.ts',
    edits: [['kindText(kind), microBatch, code]', 'kindText(kind), microBatch]']],
    caughtBy: {
      spec: 'spec/lab/shared/shared-store.spec.ts',
      test: 'is another for another setup, kind, passes or code',
      message: /expected 9 to be 10/,
    },
  },
  {
    id: 'contradictions-unnoticed',
    story: 'Two machines end the same run otherwise, and nobody is told.',
    file: 'src/lab/shared/shared-store.ts',
    edits: [['before === null || endedAlike(before, record) ? null', 'true ? null']],
    caughtBy: {
      spec: 'spec/lab/shared/shared-store.spec.ts',
      test: 'that end otherwise are told, and both records are kept',
      message: /to be an instance of StoreError/,
    },
  },
];
