/**
 * Whether run records can bear a verdict at all. What a verdict rests on is checked each time one is given: that the
 * ledger's counts are those of the setup and show no held-out password rewarded, that every update was made as the setup
 * says, that the numbers of a record agree with each other, that rewarded text resembles held-out passwords no more than
 * chance makes it, and that runs which count as independent are.
 */
import { mean } from 'simple-statistics';
import {
  chanceLine,
  guessRates,
  half,
  logLikelihoods,
  type Measures,
  measure,
  type Scores,
} from '../measure/measures.ts';
import { drawScoredPasswords } from '../passwords/corpus.ts';
import { passwordsDigest } from '../passwords/digests.ts';
import type { RewardCounts } from '../passwords/ledger.ts';
import { overlapProblems, type RewardedRole, WAYS } from '../passwords/overlap.ts';
import { FRESH, PHASES, type Phase, SETS, type SetName } from '../passwords/roles.ts';
import { recipeOf, scoredUnder } from '../recipe/recipe.ts';
import { updatesDigest } from '../recipe/updates.ts';
import { arithmeticOf, type FinishedRun, jointSteps, nameOf, overlapsOf, type RunRecord } from '../records/record.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { capacity, heldOut, inputLength, pairs, rewardedTexts, scoredCounts, useful } from '../setup/sizes.ts';
import type { Arm } from './arms.ts';
import type { Evidence } from './claim.ts';

const NAMES: Record<SetName, string> = { heldOut: 'held-out', useful: 'useful', random: 'control' };

const stepsOf = (run: FinishedRun, phase: Phase): number =>
  phase === 'joint' ? jointSteps(run) : run.setup.phases[phase].steps;

/** Sequences that the optimiser is given in a run, by reward, from the setup alone. */
export function sequencesGiven(setup: Setup, joint: number): { all: RewardCounts; usefulImitated: number } {
  const recipe = recipeOf(setup);
  const all = { chosen: 0, rejected: 0, imitated: 0 };
  let usefulImitated = 0;
  for (const phase of PHASES) {
    const { steps, streams } = recipe[phase];
    const sequences = setup.batch * (phase === 'joint' ? joint : steps);
    for (const { source, reward } of streams) {
      all[reward] += sequences;
      if (source === 'useful') usefulImitated += sequences;
    }
  }
  return { all, usefulImitated };
}

function ledgerProblems(run: FinishedRun): string[] {
  const { clean, sequences, heldOut: held, useful: known, heldOutRejections } = run.ledger;
  const problems: string[] = [];
  const rewarded = held.chosen + held.imitated;
  if (rewarded > 0) problems.push(`its ledger counts ${rewarded} held-out sequences as chosen or imitated`);
  if (clean !== (rewarded === 0))
    problems.push(`its ledger says ${clean ? 'clean' : 'not clean'}, and its counts say the contrary`);
  if (known.chosen > 0) problems.push(`its ledger counts ${known.chosen} useful negatives as chosen`);
  const { all, usefulImitated } = sequencesGiven(run.setup, jointSteps(run));
  for (const reward of ['chosen', 'rejected', 'imitated'] as const) {
    if (sequences[reward] !== all[reward])
      problems.push(`its ledger counts ${sequences[reward]} ${reward} sequences, and its setup gives ${all[reward]}`);
  }
  if (known.imitated !== usefulImitated)
    problems.push(
      `its ledger counts ${known.imitated} imitated useful negatives, and its setup gives ${usefulImitated}`,
    );
  if (held.rejected + known.rejected !== sequences.rejected)
    problems.push('its ledger counts rejected sequences that are no negatives');
  const mean = held.rejected / heldOut(run.setup);
  if (heldOutRejections.fewest > mean || heldOutRejections.most < mean)
    problems.push('its ledger counts rejections of single held-out passwords that do not add up');
  return problems;
}

function updateProblems(run: FinishedRun): string[] {
  const problems: string[] = [];
  if (run.digests !== undefined && run.digests.updates !== updatesDigest(run.setup, jointSteps(run)))
    problems.push('its updates were not made with the learning rates, loss weights and settings of its setup');
  if (run.abridged !== undefined) return problems; // an archive keeps no losses of single steps
  for (const phase of PHASES) {
    const { total, gradientNorm } = run.trajectories[phase];
    const steps = stepsOf(run, phase);
    if (total.length !== steps || gradientNorm.length !== steps)
      problems.push(`it has losses of ${total.length} steps of phase ${phase}, which had ${steps}`);
  }
  return problems;
}

/** The steps after which a phase is evaluated. */
function evaluationSteps({ evaluation, phases }: Setup, phase: Phase, taken: number): number[] {
  const steps = Array.from(
    { length: Math.floor(taken / evaluation.every) },
    (_, index) => (index + 1) * evaluation.every,
  );
  return taken === phases[phase].steps && taken % evaluation.every !== 0 ? [...steps, taken] : steps;
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

function evaluationProblems(run: FinishedRun): string[] {
  const { setup, evaluations } = run;
  const problems: string[] = [];
  const tolerance = run.abridged === undefined ? EXACT : FOUR_DECIMALS;
  const found = evaluations.map(({ phase, step }) => `${phase} ${step}`);
  const wanted = PHASES.flatMap((phase) =>
    evaluationSteps(setup, phase, stepsOf(run, phase)).map((step) => `${phase} ${step}`),
  );
  if (found.join() !== wanted.join())
    problems.push(`it was not evaluated every ${setup.evaluation.every} steps and at each end`);
  const target = setup.phases.joint.stopAtUsefulGuessRate;
  const phase3 = evaluations.filter(({ phase }) => phase === 'joint').map(({ sets }) => sets.useful.guessRate);
  const early = jointSteps(run) < setup.phases.joint.steps;
  const passed = (rate: number, by: number) => target !== null && rate > target + by;
  if (
    phase3.slice(0, -1).some((rate) => passed(rate, tolerance)) ||
    (early && !passed(phase3[phase3.length - 1], -tolerance))
  )
    problems.push('its phase 3 did not end as its setup says');
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
        problems.push(`its measures ${where} are not those of their two halves`);
      for (const { logLikelihood, perf, guessRate } of [whole, ...halves]) {
        if (
          !agree(perf, logLikelihood - chanceLine(letters), tolerance) ||
          guessRate < Math.exp(perf) * (1 - tolerance) - tolerance
        )
          problems.push(`its measures ${where} contradict each other`);
      }
    }
  }
  return problems;
}

/** Reads a snapshot against the evaluation of its moment, and against itself. */
function snapshotProblems(run: FinishedRun): string[] {
  const { setup, snapshots, evaluations } = run;
  const problems: string[] = [];
  const letters = setup.passwords.alphabet.length;
  const drawn = drawScoredPasswords(setup);
  const rounding = ROUNDING[run.abridged ?? 'whole'];
  const recipe = recipeOf(setup);
  for (const { phase, scoredUnder: prefix } of recipe.dpo.steps > 0 ? [recipe.dpo, recipe.joint] : [recipe.joint]) {
    if (run.abridged === 'cell' && phase === 'dpo') continue; // an archive keeps its last moment alone
    const snapshot = snapshots.find((one) => one.phase === phase && one.prefix === prefix);
    if (snapshot?.step !== stepsOf(run, phase))
      problems.push(`its scores of the end of phase ${phase} were not taken there, after \`${prefix}\``);
  }
  for (const { phase, step, prefix, sets } of snapshots) {
    for (const set of SETS) {
      const scored = sets[set];
      const { logProbabilities, lens } = scored;
      const ranks = 'ranks' in scored ? scored.ranks : null;
      const where = `of the ${NAMES[set]} passwords at the end of phase ${phase}, after \`${prefix}\`,`;
      const own = set === 'random' ? drawn.control : drawn[set];
      const size = scoredCounts(setup)[set];
      if (logProbabilities.length !== size || logProbabilities[0].length !== inputLength(setup))
        problems.push(`its scores ${where} are not of ${size} passwords of ${inputLength(setup)} letters`);
      if ('passwords' in scored && scored.passwords.join() !== own.slice(0, size).join())
        problems.push(`its scores ${where} are of other passwords than its seed draws`);
      const impossible = ranks?.some((row, password) =>
        row.some((rank, letter) => logProbabilities[password][letter] > -Math.log(rank + 1) + Math.max(rounding, 1e-5)),
      );
      if (impossible) problems.push(`its scores ${where} give letters a higher probability than their ranks allow`);
      const scores: Scores = { logProbabilities, ranks: ranks ?? [] };
      const last = lens[lens.length - 1];
      if (
        last !== undefined &&
        (!agree(last.logLikelihood, mean([...logLikelihoods(scores)]), Math.max(rounding, 1e-4)) ||
          !agree(last.guessRate, mean([...guessRates(scores, letters)]), Math.max(rounding, 1e-4)))
      )
        problems.push(`its scores ${where} are not what its last layer gives`);
      const evaluation = evaluations.find((one) => one.phase === phase && one.step === step);
      if (evaluation === undefined || prefix !== recipe[phase].scoredUnder) continue;
      const { halves, ...whole } = evaluation.sets[set];
      const part = (which: 0 | 1) => (logProbabilities.length > 1 ? half(scores, which) : scores);
      const compared = [
        [whole, scores],
        [halves[0], part(0)],
        [halves[1], part(1)],
      ] as const;
      const differ = compared.some(([recorded, of]) => {
        const again = measure(of, letters);
        return MEASURES.some(
          (name) => (name !== 'topRate' || ranks !== null) && !agree(recorded[name], again[name], rounding),
        );
      });
      if (differ) problems.push(`its measures ${where} are not those of its log-probabilities`);
    }
  }
  return problems;
}

/** The kinds of text that a run rewards, and how many of each where its setup tells. */
function textsRewarded(setup: Setup, joint: number): Map<RewardedRole, number | null> {
  const { batch } = setup;
  const recipe = recipeOf(setup);
  const texts = new Map<RewardedRole, number | null>();
  for (const phase of PHASES) {
    const { steps, streams } = recipe[phase];
    const sequences = batch * (phase === 'joint' ? joint : steps);
    for (const { source, reward } of streams) {
      if (reward === 'rejected' || sequences === 0) continue;
      if (source === 'useful') texts.set('useful', Math.min(sequences, useful(setup)));
      else if (source === 'chosen') {
        // Phases 2 and 3 go through the pairs in orders of their own: only a whole pass says how many differ.
        if (texts.get('chosen') !== pairs(setup)) texts.set('chosen', sequences >= pairs(setup) ? pairs(setup) : null);
      } else if (source !== 'negatives') texts.set(FRESH[source], sequences);
    }
  }
  return texts;
}

function overlapsComplete(run: FinishedRun): boolean {
  const overlaps = overlapsOf(run);
  const { length } = run.setup.passwords;
  if (run.schemaVersion === 2) {
    return (
      overlaps.map(({ span }) => span).join() === Array.from({ length }, (_, index) => index + 1).join() &&
      overlaps.every(({ texts }) => texts === rewardedTexts(run.setup))
    );
  }
  const wanted = textsRewarded(run.setup, jointSteps(run));
  const cells = overlaps.map(({ text, way, span }) => `${text} ${way} ${span}`);
  return (
    cells.length === wanted.size * WAYS.length * length &&
    new Set(cells).size === cells.length &&
    overlaps.every(({ text, texts, span }) => {
      const expected = text === 'all' ? undefined : wanted.get(text);
      return expected !== undefined && span <= length && (expected === null || texts === expected);
    })
  );
}

function leakProblems(run: FinishedRun): string[] {
  const { heldOut: secrets, control } = drawScoredPasswords(run.setup);
  const passwords = { heldOut: secrets, control, letters: run.setup.passwords.alphabet.length };
  return [
    ...overlapProblems(overlapsOf(run), passwords, run.schemaVersion === 2 ? 5.1e-5 : 0),
    ...(overlapsComplete(run) ? [] : ['its overlap of rewarded text with held-out passwords is not complete']),
  ];
}

function drawProblems({ setup, digests }: FinishedRun): string[] {
  if (digests === undefined) return [];
  const drawn = drawScoredPasswords(setup);
  const others = (['heldOut', 'useful', 'control'] as const).filter(
    (set) => digests.passwords[set] !== passwordsDigest(drawn[set]),
  );
  return others.map((set) => `its ${set === 'heldOut' ? 'held-out' : set} passwords are not those that its seed draws`);
}

const known = new WeakMap<RunRecord, readonly string[]>();

/** What contradicts itself, or the setup, in one record; nothing in one of a failed run, which says only that it failed. */
export function runProblems(run: RunRecord): readonly string[] {
  const before = known.get(run);
  if (before !== undefined) return before;
  const problems =
    run.status === 'failed'
      ? []
      : [ledgerProblems, updateProblems, evaluationProblems, snapshotProblems, drawProblems, leakProblems].flatMap(
          (of) => of(run),
        );
  known.set(run, problems);
  return problems;
}

/** What equal records of different seeds would be equal in. */
function fingerprints(run: FinishedRun): [what: string, print: string][] {
  const { setup, ledger, digests, snapshots, parametersDigest } = run;
  const reverse = scoredUnder(setup, 'joint');
  const scores = snapshots.find(({ phase, prefix }) => phase === 'joint' && prefix === reverse);
  const prints: [string, string][] = [
    ['trained parameters', parametersDigest],
    ['order of training data', ledger.digest],
  ];
  // Two models that never moved, or that score one letter alike, may agree by chance in a handful of numbers.
  if (scores !== undefined && scores.sets.random.logProbabilities.flat().length >= 32)
    prints.push(['scores', JSON.stringify(SETS.map((set) => scores.sets[set].logProbabilities))]);
  if (digests === undefined) return prints;
  if (setup.model.pretrained === null) prints.push(['initial parameters', digests.initialParameters]);
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
      prints.push([`${set === 'heldOut' ? 'held-out' : set} passwords`, digests.passwords[set]]);
  }
  return prints;
}

/** What makes the runs of an arm other than so many independent runs of one setup. */
function armProblems(runs: readonly RunRecord[]): string[] {
  const problems: string[] = [];
  const seeds = new Set<number>();
  for (const { setup } of runs) {
    if (seeds.has(setup.seed)) problems.push(`seed ${setup.seed} is given twice`);
    seeds.add(setup.seed);
  }
  const setups = new Set(runs.map(({ setup }) => setupHash({ ...setup, seed: 0 })));
  if (setups.size > 1) problems.push('the runs of one arm have different setups');
  const owners = new Map<string, RunRecord>();
  const shared = new Map<string, string[]>();
  for (const run of runs) {
    if (run.status === 'failed') continue;
    for (const [what, print] of fingerprints(run)) {
      const owner = owners.get(`${what} ${print}`);
      if (owner === undefined) owners.set(`${what} ${print}`, run);
      else {
        const pair = `${nameOf(owner)} and seed ${run.setup.seed}`;
        shared.set(pair, [...(shared.get(pair) ?? []), what]);
      }
    }
  }
  for (const [pair, whats] of shared)
    problems.push(`${pair} have the same ${whats.join(', ')}: they are no independent runs`);
  return problems;
}

const givenOf = (arms: readonly Arm[], evidence: Evidence): (readonly RunRecord[])[] =>
  arms.map(({ id }) => evidence[id] ?? []);

/** Why runs do not count as so many independent runs of one study. */
export function independenceProblems(arms: readonly Arm[], evidence: Evidence): string[] {
  const given = givenOf(arms, evidence);
  const kinds = [...new Set(given.flat().map(arithmeticOf))];
  return [
    ...(kinds.length > 1 ? [`the runs are of different arithmetic: ${kinds.join('; ')}`] : []),
    ...new Set(given.flatMap(armProblems)),
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
