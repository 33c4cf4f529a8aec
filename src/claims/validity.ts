/**
 * Whether run records can bear a verdict at all. Each verdict checks what it rests on: the ledger's counts are those of
 * the setup and show no held-out password rewarded; every update was made as the setup says; the numbers of a record
 * agree with each other; rewarded text resembles held-out passwords no more than by chance; runs that count as
 * independent are independent.
 */
import { sum } from 'simple-statistics';
import { chanceLine, half, type Measures, measure, type Scores } from '../measure/measures.ts';
import { drawScoredPasswords } from '../passwords/corpus.ts';
import { passwordsDigest } from '../passwords/digests.ts';
import { overlapProblems, type RecordedOverlap, type RewardedRole, WAYS } from '../passwords/overlap.ts';
import { FRESH, PHASES, type Phase, SETS } from '../passwords/roles.ts';
import { partCount, patches, readings } from '../recipe/dissection.ts';
import { evaluationSteps, recipeOf, scoredUnder, stops } from '../recipe/recipe.ts';
import { updatesDigest } from '../recipe/updates.ts';
import { arithmeticOf, type FinishedRun, nameOf, overlapsOf, type RunRecord, stepsTaken } from '../records/record.ts';
import { finishedRuns } from '../records/view.ts';
import { setupHash } from '../setup/hash.ts';
import { capacity, heldOut, inputLength, pairs, rewardedTexts, scoredCounts, useful } from '../setup/sizes.ts';
import type { Arm } from './arms.ts';
import type { Evidence } from './claim.ts';

/** What sentences call the sets of passwords, in records and in digests. */
const NAMES = {
  heldOut: 'held-out',
  useful: 'useful',
  random: 'control',
  control: 'control',
  chosen: 'chosen',
} as const;

/** Sentences about a run, without its name. */
type Problems = Generator<string, void>;

/** Every stream of a run, with the number of sequences that its setup gives the optimiser. */
function streamsOf(run: FinishedRun) {
  const recipe = recipeOf(run.setup);
  const taken = stepsTaken(run);
  return PHASES.flatMap((phase) =>
    recipe[phase].streams.map((stream) => ({ ...stream, given: run.setup.batch * taken[phase] })),
  );
}

function* ledgerProblems(run: FinishedRun): Problems {
  const { clean, sequences, heldOut: held, useful: known, standIns, heldOutRejections } = run.ledger;
  const { standIns: place } = run.setup.passwords;
  const rewarded = held.chosen + held.imitated;
  if (rewarded > 0) yield `its ledger counts ${rewarded} held-out sequences as chosen or imitated`;
  if (clean !== (rewarded === 0))
    yield `its ledger says ${clean ? 'clean' : 'not clean'}, and its counts say the contrary`;
  if (known.chosen > 0) yield `its ledger counts ${known.chosen} useful negatives as chosen`;
  const streams = streamsOf(run);
  for (const reward of ['chosen', 'rejected', 'imitated'] as const) {
    const given = sum(streams.filter((stream) => stream.reward === reward).map((stream) => stream.given));
    if (sequences[reward] !== given)
      yield `its ledger counts ${sequences[reward]} ${reward} sequences, and its setup gives ${given}`;
  }
  const imitated = sum(streams.filter(({ source }) => source === 'useful').map(({ given }) => given));
  const taught = place === 'useful' ? 0 : imitated;
  if (known.imitated !== taught)
    yield `its ledger counts ${known.imitated} imitated useful negatives, and its setup gives ${taught}`;
  if (held.rejected + known.rejected + (standIns?.rejected ?? 0) !== sequences.rejected)
    yield 'its ledger counts rejected sequences that are no negatives';
  if ((standIns !== undefined) !== (place !== 'none'))
    yield 'its ledger counts passwords in the place of others, or does not, contrary to its setup';
  if (standIns !== undefined) {
    const { chosen, rejected, imitated: copied } = standIns;
    if (chosen > 0 || copied !== (place === 'useful' ? imitated : 0) || (place === 'useful' && rejected > 0))
      yield 'its ledger counts passwords in the place of others that were not given as those others are';
    if (place === 'held-out' && held.rejected > 0)
      yield `its ledger counts ${held.rejected} held-out sequences, and others are in their place`;
  }
  const rejections = held.rejected / heldOut(run.setup);
  if (heldOutRejections.fewest > rejections || heldOutRejections.most < rejections)
    yield 'its ledger counts rejections of single held-out passwords that do not add up';
}

function* updateProblems(run: FinishedRun): Problems {
  if (run.digests !== undefined && run.digests.updates !== updatesDigest(run.setup, stepsTaken(run)))
    yield 'its updates were not made with the learning rates, loss weights and settings of its setup';
  if (run.abridged !== undefined) return; // an archive keeps no losses of single steps
  for (const phase of PHASES) {
    const { total, gradientNorm } = run.trajectories[phase];
    const steps = stepsTaken(run)[phase];
    if (total.length !== steps || gradientNorm.length !== steps)
      yield `it has losses of ${total.length} steps of phase ${phase}, which had ${steps}`;
  }
}

const MEASURES = ['logLikelihood', 'perf', 'guessRate', 'topRate'] as const satisfies readonly (keyof Measures)[];

/** Numbers that agree but for rounding. */
const agree = (a: number, b: number, tolerance: number): boolean =>
  Math.abs(a - b) <= tolerance * Math.max(1, Math.abs(b));

/** For numbers computed alike: a JavaScript engine's exponentials may differ from another's in the last digits. */
const EXACT = 1e-9;
/** For evaluations kept with four decimals. */
const FOUR_DECIMALS = 2e-4;
/** For what follows from log-probabilities, which archives keep with three decimals, or two. */
const ROUNDING = { whole: EXACT, run: 6e-4, cell: 6e-3 } as const;

/** Whether measures of one set cannot belong together: the mean of probabilities is at least that of their logarithms. */
const contradictory = ({ logLikelihood, perf, guessRate }: Measures, letters: number, tolerance: number): boolean =>
  !agree(perf, logLikelihood - chanceLine(letters), tolerance) ||
  guessRate < Math.exp(perf) * (1 - tolerance) - tolerance;

/** Whether a phase went on where its rule ends it, or ended where neither its rule nor its last step does. */
function endsOtherwise({ setup, evaluations }: FinishedRun, phase: Phase, taken: number, tolerance: number): boolean {
  const plan = recipeOf(setup)[phase];
  const rates = evaluations
    .filter((evaluation) => evaluation.phase === phase)
    .map(({ sets }) => ({ heldOut: sets.heldOut.guessRate, useful: sets.useful.guessRate }));
  /** What is told as `by` further beyond the rules than it is recorded. */
  const stopped = (by: number) => (rate: (typeof rates)[number]) =>
    stops(plan, { heldOut: rate.heldOut - by, useful: rate.useful + by });
  return (
    rates.slice(0, -1).some(stopped(-tolerance)) || (taken < plan.steps && !rates.slice(-1).some(stopped(tolerance)))
  );
}

function* evaluationProblems(run: FinishedRun): Problems {
  const { setup, evaluations } = run;
  const taken = stepsTaken(run);
  const tolerance = run.abridged === undefined ? EXACT : FOUR_DECIMALS;
  const found = evaluations.map(({ phase, step }) => `${phase} ${step}`);
  const wanted = PHASES.flatMap((phase) =>
    evaluationSteps(setup, setup.phases[phase].steps, taken[phase]).map((step) => `${phase} ${step}`),
  );
  if (found.join() !== wanted.join())
    yield `it was not evaluated every ${setup.evaluation.every} steps${setup.evaluation.first === null ? '' : ` from step ${setup.evaluation.first}`} and at each end`;
  for (const [phase, name] of [
    ['dpo', 'phase 2'],
    ['joint', 'phase 3'],
  ] as const) {
    if (endsOtherwise(run, phase, taken[phase], tolerance)) yield `its ${name} did not end as its setup says`;
  }
  const letters = setup.passwords.alphabet.length;
  for (const { phase, step, sets } of evaluations) {
    for (const set of SETS) {
      const { halves, ...whole } = sets[set];
      const size = scoredCounts(setup)[set];
      const even = Math.ceil(size / 2);
      const where = `of the ${NAMES[set]} passwords after step ${step} of phase ${phase}`;
      const joined = (name: keyof Measures) =>
        size === 1 ? halves[0][name] : (even * halves[0][name] + (size - even) * halves[1][name]) / size;
      if (MEASURES.some((name) => !agree(whole[name], joined(name), tolerance)))
        yield `its measures ${where} are not those of their two halves`;
      for (const measured of [whole, ...halves]) {
        if (contradictory(measured, letters, tolerance)) yield `its measures ${where} contradict each other`;
      }
    }
  }
}

/** Compares each snapshot with the evaluation after the same step, and with itself. */
function* snapshotProblems(run: FinishedRun): Problems {
  const { setup, snapshots, evaluations } = run;
  const letters = setup.passwords.alphabet.length;
  const drawn = drawScoredPasswords(setup);
  const rounding = ROUNDING[run.abridged ?? 'whole'];
  const recipe = recipeOf(setup);
  for (const { phase, scoredUnder: prefix } of recipe.dpo.steps > 0 ? [recipe.dpo, recipe.joint] : [recipe.joint]) {
    if (run.abridged === 'cell' && phase === 'dpo') continue; // an archive keeps its last snapshot alone
    const snapshot = snapshots.find((one) => one.phase === phase && one.prefix === prefix);
    if (snapshot?.step !== stepsTaken(run)[phase])
      yield `its scores of the end of phase ${phase} were not taken there, after \`${prefix}\``;
  }
  for (const { phase, step, prefix, sets } of snapshots) {
    for (const set of SETS) {
      const scored = sets[set];
      const { logProbabilities, letterShares, lens } = scored;
      const ranks = 'ranks' in scored ? scored.ranks : null;
      const where = `of the ${NAMES[set]} passwords at the end of phase ${phase}, after \`${prefix}\`,`;
      const own = { heldOut: drawn.heldOut, useful: drawn.taught, random: drawn.control }[set];
      const size = scoredCounts(setup)[set];
      if (logProbabilities.length !== size || logProbabilities[0].length !== inputLength(setup))
        yield `its scores ${where} are not of ${size} passwords of ${inputLength(setup)} letters`;
      if ('passwords' in scored && scored.passwords.join() !== own.slice(0, size).join())
        yield `its scores ${where} are of other passwords than its seed draws`;
      const impossible = ranks?.some((row, password) =>
        row.some((rank, letter) => logProbabilities[password][letter] > -Math.log(rank + 1) + Math.max(rounding, 1e-5)),
      );
      if (impossible) yield `its scores ${where} give letters a higher probability than their ranks allow`;
      const scores: Scores = { logProbabilities, letterShares, ranks: ranks ?? [] };
      const measured = measure(scores, letters);
      const last = lens[lens.length - 1];
      const asLast = (name: 'logLikelihood' | 'guessRate') =>
        agree(last[name], measured[name], Math.max(rounding, 1e-4));
      if (last !== undefined && !(asLast('logLikelihood') && asLast('guessRate')))
        yield `its scores ${where} are not what its last layer gives`;
      const evaluation = evaluations.find((one) => one.phase === phase && one.step === step);
      if (evaluation === undefined || prefix !== recipe[phase].scoredUnder) continue;
      const { halves, ...whole } = evaluation.sets[set];
      const part = (which: 0 | 1) => (logProbabilities.length > 1 ? measure(half(scores, which), letters) : measured);
      const same = (recorded: Measures, again: Measures) =>
        MEASURES.every(
          (name) => (name === 'topRate' && ranks === null) || agree(recorded[name], again[name], rounding),
        );
      if (!(same(whole, measured) && same(halves[0], part(0)) && same(halves[1], part(1))))
        yield `its measures ${where} are not those of its log-probabilities`;
    }
  }
}

/** The kinds of text that a run rewards, and how many of each where its setup tells. */
function textsRewarded(run: FinishedRun): Map<RewardedRole, number | null> {
  const { setup } = run;
  const texts = new Map<RewardedRole, number | null>();
  for (const { source, reward, given } of streamsOf(run)) {
    if (reward === 'rejected' || given === 0) continue;
    if (source === 'useful')
      texts.set(setup.passwords.standIns === 'useful' ? 'stand-in' : 'useful', Math.min(given, useful(setup)));
    else if (source === 'chosen') {
      // Phases 2 and 3 go through the pairs in orders of their own: only a whole pass says how many differ.
      if (texts.get('chosen') !== pairs(setup)) texts.set('chosen', given >= pairs(setup) ? pairs(setup) : null);
    } else if (source !== 'negatives') texts.set(FRESH[source], given);
  }
  return texts;
}

function overlapsComplete(run: FinishedRun): boolean {
  const overlaps = overlapsOf(run);
  const { length } = run.setup.passwords;
  // Version 2 counts all kinds of text together, and aligned letters alone.
  const old = run.schemaVersion === 2;
  const wanted: ReadonlyMap<RecordedOverlap['text'], number | null> = old
    ? new Map([['all', rewardedTexts(run.setup)]])
    : textsRewarded(run);
  const cells = new Set(overlaps.map(({ text, way, span }) => `${text} ${way} ${span}`));
  return (
    cells.size === overlaps.length &&
    cells.size === wanted.size * (old ? 1 : WAYS.length) * length &&
    overlaps.every(({ text, texts, span }) => {
      const expected = wanted.get(text);
      return expected !== undefined && span <= length && (expected === null || texts === expected);
    })
  );
}

function* leakProblems(run: FinishedRun): Problems {
  const { heldOut: secrets, control } = drawScoredPasswords(run.setup);
  const passwords = { heldOut: secrets, control, letters: run.setup.passwords.alphabet.length };
  yield* overlapProblems(overlapsOf(run), passwords, run.schemaVersion === 2 ? 5.1e-5 : 0);
  if (!overlapsComplete(run)) yield 'its overlap of rewarded text with held-out passwords is not complete';
}

function* drawProblems({ setup, digests }: FinishedRun): Problems {
  if (digests === undefined) return;
  const drawn = drawScoredPasswords(setup);
  for (const set of ['heldOut', 'useful', 'control'] as const) {
    if (digests.passwords[set] !== passwordsDigest(drawn[set]))
      yield `its ${NAMES[set]} passwords are not those that its seed draws`;
  }
  const places = drawn.standIns.length > 0 ? passwordsDigest(drawn.standIns) : undefined;
  if (digests.passwords.standIns !== places)
    yield 'its passwords in the place of others are not those that its seed draws';
}

/** Compares what a run was taken apart into with what its setup asks for, and with its last evaluation. */
function* dissectionProblems({ setup, dissection, evaluations, abridged }: FinishedRun): Problems {
  if ((dissection !== undefined) !== setup.evaluation.dissection)
    yield setup.evaluation.dissection
      ? 'it was not taken apart, as its setup asks'
      : 'it was taken apart, and its setup does not ask for it';
  if (dissection === undefined) return;
  const { patched, separations } = dissection;
  const inWords = (parts: readonly { from: number; to: number }[]) =>
    parts.map(({ from, to }) => `${from}-${to}`).join();
  if (inWords(patched) !== inWords(patches(setup.model)))
    yield 'its patched models are not those that a dissection has';
  const read = (all: readonly { moment: string; prefix: string }[]) =>
    all.map(({ moment, prefix }) => `${moment} ${prefix}`).join();
  if (
    read(separations) !== read(readings(setup)) ||
    separations.some(({ auc }) => auc.length !== setup.model.layers + 1)
  )
    yield 'its residual stream was not read after every layer, at the moments and prefixes that a dissection has';
  const tolerance = abridged === undefined ? EXACT : FOUR_DECIMALS;
  const letters = setup.passwords.alphabet.length;
  const whole = patched.find(({ from, to }) => from === 0 && to === partCount(setup.model));
  for (const set of SETS) {
    const last = evaluations[evaluations.length - 1].sets[set];
    if (whole !== undefined && MEASURES.some((name) => !agree(whole.sets[set][name], last[name], tolerance)))
      yield `its model with every part of the end of the run says otherwise of the ${NAMES[set]} passwords than its last evaluation`;
    if (patched.some(({ sets }) => contradictory(sets[set], letters, tolerance)))
      yield `its measures of the ${NAMES[set]} passwords in a patched model contradict each other`;
  }
}

const CHECKS = [
  dissectionProblems,
  ledgerProblems,
  updateProblems,
  evaluationProblems,
  snapshotProblems,
  drawProblems,
  leakProblems,
];
const known = new WeakMap<RunRecord, readonly string[]>();

/** What contradicts itself, or the setup, in one record. A failed run says only that it failed, so nothing contradicts it. */
export function runProblems(run: RunRecord): readonly string[] {
  const before = known.get(run);
  if (before !== undefined) return before;
  const problems = run.status === 'failed' ? [] : CHECKS.flatMap((check) => [...check(run)]);
  known.set(run, problems);
  return problems;
}

/** What differs between independent runs of different seeds: its name, and its digest or its numbers in this record. */
function* fingerprints(run: FinishedRun): Generator<readonly [what: string, print: string]> {
  const { setup, ledger, digests, snapshots, parametersDigest } = run;
  yield ['trained parameters', parametersDigest];
  yield ['order of training data', ledger.digest];
  const reverse = scoredUnder(setup, 'joint');
  const scores = snapshots.find(({ phase, prefix }) => phase === 'joint' && prefix === reverse);
  // Two models that never moved, or that score one letter alike, may agree by chance in a handful of numbers.
  if (scores !== undefined && scores.sets.random.logProbabilities.flat().length >= 32)
    yield ['scores', JSON.stringify(SETS.map((set) => scores.sets[set].logProbabilities))];
  if (digests === undefined) return;
  if (setup.model.pretrained === null) yield ['initial parameters', digests.initialParameters];
  const sizes = {
    heldOut: heldOut(setup),
    useful: useful(setup),
    control: setup.evaluation.random,
    chosen: pairs(setup),
  };
  const { alphabet, length } = setup.passwords;
  for (const set of ['heldOut', 'useful', 'control', 'chosen'] as const) {
    // Sets so small that chance can draw the same twice say nothing.
    if (sizes[set] * Math.log2(capacity(alphabet.length, length) / sizes[set]) > 60)
      yield [`${NAMES[set]} passwords`, digests.passwords[set]];
  }
}

/** The seed of every run that comes after another run of the same seed. */
export function repeatedSeeds(runs: readonly Pick<RunRecord, 'setup'>[]): number[] {
  const seeds = runs.map(({ setup }) => setup.seed);
  return seeds.filter((seed, index) => seeds.indexOf(seed) < index);
}

/** Why the runs of an arm are not so many independent runs of one setup. */
function* armProblems(runs: readonly RunRecord[]): Problems {
  for (const seed of repeatedSeeds(runs)) yield `seed ${seed} is given twice`;
  if (new Set(runs.map(({ setup }) => setupHash({ ...setup, seed: 0 }))).size > 1)
    yield 'the runs of one arm have different setups';
  const owners = new Map<string, RunRecord>();
  const shared = new Map<string, string[]>();
  for (const run of finishedRuns(runs)) {
    for (const [what, print] of fingerprints(run)) {
      const owner = owners.get(`${what} ${print}`);
      if (owner === undefined) owners.set(`${what} ${print}`, run);
      else {
        const pair = `${nameOf(owner)} and seed ${run.setup.seed}`;
        shared.set(pair, [...(shared.get(pair) ?? []), what]);
      }
    }
  }
  for (const [pair, whats] of shared) yield `${pair} have the same ${whats.join(', ')}: they are no independent runs`;
}

const givenOf = (arms: readonly Arm[], evidence: Evidence): (readonly RunRecord[])[] =>
  arms.map(({ id }) => evidence[id] ?? []);

/** Why runs do not count as so many independent runs of one study. */
export function independenceProblems(arms: readonly Arm[], evidence: Evidence): string[] {
  const given = givenOf(arms, evidence);
  const kinds = [...new Set(given.flat().map(arithmeticOf))];
  return [
    ...(kinds.length > 1 ? [`the runs are of different arithmetic: ${kinds.join('; ')}`] : []),
    ...new Set(given.flatMap((runs) => [...armProblems(runs)])),
  ];
}

/** Everything for which these records cannot bear a verdict; each a sentence that names the run. */
export function evidenceProblems(arms: readonly Arm[], evidence: Evidence): string[] {
  return [
    ...independenceProblems(arms, evidence),
    ...[...new Set(givenOf(arms, evidence).flat())].flatMap((run) =>
      runProblems(run).map((problem) => `${nameOf(run)}: ${problem}`),
    ),
  ];
}

/** A list of problems as one sentence. */
export function inWords(problems: readonly string[], most = 3): string {
  const more = problems.length - most;
  return `${problems.slice(0, most).join('; ')}${more > 0 ? `; and ${more} more` : ''}`;
}
