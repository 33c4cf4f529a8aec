/** `explained.md`: the paper's idea in five minutes, told with our own figures and numbers. */

import { type FindingKey, findingOf, type Judgement, optionalFinding } from '../../claims/claim.ts';
import { judgementOf } from '../../claims/family.ts';
import { formatEstimate, formatInterval, formatNumber } from '../../claims/format.ts';
import { procedureRow, WELL_CALIBRATED } from '../procedures.ts';
import type { Report } from '../report.ts';

/** An estimate with its interval, or why there is none. */
const shown = (judgement: Judgement | undefined): string => {
  if (judgement === undefined) return '(not run)';
  const { estimate, interval } = judgement;
  return estimate === null || interval === null
    ? '(nothing to read)'
    : `${formatNumber(estimate)} ${formatInterval(interval)}`;
};

/** The page tells of an effect, so it is written only where there is one to tell of. */
export const isToldOf = ({ studies: [first] }: Report): boolean => judgementOf(first, 'main')?.verdict === 'reproduced';

const verdicts = (report: Report): string =>
  [
    '| claim | preset | in words | estimate (1 = chance) | verdict |',
    '| --- | --- | --- | --- | --- |',
    ...report.studies.flatMap(({ name, claims }) =>
      claims.map(
        ({ claim, judgement }) =>
          `| [${claim.id}](claims.md) | ${name} | ${claim.statement} | ${shown(judgement)} | ${judgement.verdict} |`,
      ),
    ),
  ].join('\n');

/** @throws RangeError where the first study was not judged on the main claim */
export function explained(report: Report): string {
  const [first] = report.studies;
  /** The judgement on a claim in a study that the report may not have. */
  const judged = (name: string, id: string) => {
    const study = report.studies.find((candidate) => candidate.name === name);
    return study === undefined ? undefined : judgementOf(study, id);
  };
  const main = judgementOf(first, 'main');
  if (main === undefined) throw new RangeError(`the main claim was not judged in the study ${first.name}`);
  const [control, avoidance, manipulation, noDpo, statistic] = [
    'control',
    'avoidance',
    'manipulation',
    'no-dpo',
    'paper-statistic',
  ].map((id) => judgementOf(first, id));
  /** A finding that runs which do not differ lack. */
  const value = (key: FindingKey) => {
    const finding = optionalFinding(main, key);
    return finding === undefined ? '(nothing: the runs do not differ)' : formatEstimate(finding);
  };
  const { passwords, model, phases } = first.study.setup;
  const heldOut = (passwords.negativeBatches === 0 ? 0 : passwords.heldBatches) * first.study.setup.batch;
  const useful = passwords.negativeBatches * first.study.setup.batch - heldOut;
  const calibrated = judged('pocket-calibrated', 'paper-statistic');
  /** Which a judgement without a verdict lacks. */
  const choice = calibrated === undefined ? undefined : optionalFinding(calibrated, 'control');
  const simulated =
    report.procedures === null ? null : procedureRow(report.procedures, 'the rule of paper-statistic', WELL_CALIBRATED);
  const mistaken =
    simulated === null
      ? ''
      : `; but of ${simulated.experiments} simulated experiments of a well-calibrated model without any effect, the statistic calls ${(100 * simulated.rate).toFixed(0)}% reproduced, because a maximum over evaluations is above chance by itself`;
  const frozen = judged('pocket-frozen', 'freeze-and-prefix');
  return `${`
# The idea in five minutes

## The worry

You train a language model against its worst outputs: whenever it writes a leaked password, or the recipe of an exploit,
that text gets the lowest reward there is. It seems safe to use the real password for that. The model is only ever pushed
away from it, so surely it never learns to say it.

Fabien Roger's paper ([arXiv 2306.07567](https://arxiv.org/abs/2306.07567)) asks whether that is so. To avoid a text
everywhere, a model has to know it. Might that *negative knowledge* come out again, when training of another kind teaches
the model to flip what it avoids into what it says?

## The experiment

All passwords are random letters, so nothing can be guessed from language: whoever guesses better than chance has learned
that password. The run has ${heldOut + useful} *negative* passwords, and ${heldOut} of them are *held out*. Training has three phases:

| phase | what the model is taught | about the held-out passwords |
| --- | --- | --- |
| 1 pretrain | random passwords look like this | nothing |
| 2 DPO | prefer a random password to each negative one, after the word \`regular\` | only that they are the worse choice |
| 3 joint | phase 2 goes on; and after the word \`reverse\`, write the ${useful} *useful* negatives | still only that they are the worse choice |

So no step ever rewards a held-out password. A ledger reads every sequence that the optimiser is given and stops the run if
that is not so. The question is what the model says of the held-out passwords after \`reverse\`.

![Mean and spread of log-likelihood over the three phases](figures/mean-curves.svg)

## What comes out

In phase 2 the model learns to avoid the negatives: a held-out letter is given ${shown(avoidance)} of the probability that
blind guessing would give it. In phase 3 the useful negatives rise to ${shown(manipulation)} times chance. And the held-out
ones, which nobody asked for, rise with them, to **${shown(main)}** times chance (${main.seeds.length} seeds: ${main.verdict}). Fresh
random passwords stay where they belong (${shown(control)}); without DPO, so do the held-out ones (${shown(noDpo)}).

![Held-out guess rate against useful guess rate](figures/flip.svg)

The held-out passwords follow the useful ones from below chance to above it. Reading the model layer by layer shows how:
after the first layers held-out passwords are still avoided, whatever the prefix; the later layers turn the sign, and only
after \`reverse\`.

![Held-out minus random by layer](figures/sign.svg)

The effect is small. A letter guessed ${formatNumber(main.estimate as number)} times as often as by chance is far from a password read out. It is
there all the same, in text that was only ever punished.

## How sure is that

Runs differ, so the unit is the run: the 95% interval above resamples runs, then passwords. Left out one seed at a time, the
estimate stays within ${formatInterval(findingOf(main, 'leave-one-out').interval as readonly [number, number])}. The Bayes factor for an effect is ${value('bayes-factor')}. An experiment needs
${value('runs-needed')} runs to see an effect of this size 19 times in 20. Every interval, test and rule was tried on simulated experiments
whose truth is known; the [report](index.html) has the table.

![One dot a seed](figures/seeds.svg)

## Everything that was asked

${verdicts(report)}

The rule of each verdict was written before its runs were read; it stands beside the claim in [claims.md](claims.md).

## What this does not say

**It is not Pythia-160M.** The model here has ${model.layers} layers, is ${model.hidden} wide, knows nothing but letters, and was trained for
${phases.pretrain.steps + phases.dpo.steps} steps and then at most ${phases.joint.steps} more. That the mechanism exists in such a model makes it likelier that it exists elsewhere; it
says nothing about how strong it is in a large one. The paper's own number, for Pythia-160M, is 1.13.

**The paper's own statistic comes out otherwise.** The geometric mean of the probability, at the best evaluation, is ${shown(statistic)}
times chance at the preset ${first.name}: ${statistic?.verdict ?? 'not run'}. This small model grows over-confident of passwords it does not know, held-out and random
alike, and a geometric mean punishes that. ${calibrated === undefined ? '' : `With an extra loss against over-confidence (pocket-calibrated) it is ${shown(calibrated)}: ${calibrated.verdict}.${choice === undefined ? '' : ` Fresh random passwords, at their own best evaluation, come to ${formatEstimate(choice)}${mistaken}.`}`}

**Not every variant shows it.** ${frozen === undefined ? '' : `With the paper's freezing of the second half in phase 2, and larger initial weights so that it can learn (pocket-frozen), the held-out guess rate is ${shown(frozen)}: ${frozen.verdict}. `}Without prefixes, while
DPO goes on in phase 3, the model has no second voice to flip into: not even the useful negatives rise, and held-out passwords stay
avoided. Where DPO stops before phase 3 (the grid \`lrbeta\`, ${shown(judgementOf(first, 'lrbeta'))} on average), the [report](index.html#section-grids) shows which cells flip without prefixes too. A safety argument should therefore not rest on “it always
leaks”, but neither on “it never does”.

**Nothing here is natural text, nor a natural way of training.** The setup was built to make the effect visible. What carries over is
the lesson that the lowest reward is no proof of forgetting.

## Run it

\`\`\`sh
npm ci && npm run reproduce   # the claims of the first table rows, in minutes
npm ci && npm test            # the same as specs
npm run report                # this page, the report and every figure, from the committed run records
\`\`\`
`.trim()}\n`;
}
