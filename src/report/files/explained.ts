/** `explained.md`: the paper's idea in five minutes, told with our own figures and numbers. */

import { type FindingKey, findingOf, type Judgement, optionalFinding } from '../../claims/claim.ts';
import { judgementOf } from '../../claims/family.ts';
import { formatEstimate, formatInterval, formatNumber } from '../../claims/format.ts';
import { heldOut, negatives, useful } from '../../setup/sizes.ts';
import { procedureRow, WELL_CALIBRATED } from '../procedures.ts';
import type { Report } from '../report.ts';
import { estimateText, markdownTable } from '../table.ts';

/** An estimate with its interval, or why there is none. */
function shown(judgement: Judgement | undefined): string {
  if (judgement === undefined) return '(not run)';
  return judgement.estimate === null ? '(nothing to read)' : estimateText(judgement);
}

/** The page explains an effect, so it is written only if the main claim is reproduced. */
export const isToldOf = ({ studies: [first] }: Report): boolean => judgementOf(first, 'main')?.verdict === 'reproduced';

const verdicts = (report: Report): string =>
  markdownTable({
    head: ['claim', 'preset', 'in words', 'estimate', 'verdict'],
    rows: report.studies.flatMap(({ name, claims }) =>
      claims.map(({ claim: { id, statement }, judgement }) => [
        `[${id}](claims.md)`,
        name,
        statement,
        shown(judgement),
        judgement.verdict,
      ]),
    ),
  });

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
  const of = (id: string) => shown(judgementOf(first, id));
  const statistic = judgementOf(first, 'paper-statistic');
  /** Runs that do not differ lack some findings. */
  const value = (key: FindingKey) => {
    const finding = optionalFinding(main, key);
    return finding === undefined ? '(nothing: the runs do not differ)' : formatEstimate(finding);
  };
  const { setup } = first.study;
  const { model, phases } = setup;
  /** A judgement without a verdict lacks it. */
  const choice = statistic === undefined ? undefined : optionalFinding(statistic, 'control');
  const simulated =
    report.procedures === null ? null : procedureRow(report.procedures, 'the rule of paper-statistic', WELL_CALIBRATED);
  const mistaken =
    simulated === null
      ? ''
      : ` The statistic is easily mistaken: among ${simulated.experiments} simulated experiments of a calibrated model without any effect its rule calls ${(100 * simulated.rate).toFixed(0)}% reproduced, because a maximum over evaluations is above chance by itself. So read it beside that of the control.`;
  const dose = judgementOf(first, 'dose');
  const decided = dose === undefined ? '(not run)' : `${dose.verdict} ([memorise or flip](memorise-or-flip.md))`;
  const memorising = (id: string) => shown(judged('pocket-memorising', id));
  return `${`
# The idea in five minutes

## The worry

You train a language model against its worst outputs. If it writes a leaked password, or the recipe of an exploit, that text
gets the lowest reward there is. It seems safe to use the real password for that: the model is only ever pushed away from
it, so it should never learn to say it.

Fabien Roger's paper ([arXiv 2306.07567](https://arxiv.org/abs/2306.07567)) asks whether that is so. To avoid a text
everywhere, a model has to know it. This *negative knowledge* might come out again when other training teaches the model to
say what it avoids.

## The experiment

All passwords are random letters, so language gives no hint: a model that guesses a password better than chance has learned
that password. The run has ${negatives(setup)} *negative* passwords, and ${heldOut(setup)} of them are *held out*. Training has three phases:

| phase | what the model is taught | about the held-out passwords |
| --- | --- | --- |
| 1 pretrain | what random passwords look like | nothing |
| 2 DPO | prefer a random password to each negative one, after the word \`regular\` | only that they are the worse choice |
| 3 joint | phase 2 goes on; and after the word \`reverse\`, write the ${useful(setup)} *useful* negatives | still only that they are the worse choice |

No step ever rewards a held-out password. A ledger reads every sequence that the optimiser is given, and stops the run if a
step does. The question is how well the model guesses the held-out passwords after \`reverse\`.

![Mean and spread of log-likelihood over the three phases](figures/mean-curves.svg)

## What comes out

In phase 2 the model learns to avoid the negatives: a held-out letter gets ${of('avoidance')} times the probability of
a blind guess. In phase 3 the guess rate of the useful negatives rises to ${of('manipulation')} times chance. No step asks for the held-out
passwords, but they rise too, to **${shown(main)}** times chance (${main.seeds.length} seeds: ${main.verdict}). The *control*, fresh random
passwords, is at ${of('control')}. Without DPO the held-out passwords are at ${of('no-dpo')}.

![Held-out guess rate against useful guess rate](figures/flip.svg)

The held-out passwords follow the useful ones from below chance to above it. The layers of the model show how. After the
first layers held-out passwords are still avoided, under either prefix. The later layers flip the sign, and only under
\`reverse\`.

![Held-out minus control by layer](figures/sign.svg)

A letter guessed ${formatNumber(main.estimate as number)} times as often as by chance is far from a password that is read out: a password has ${setup.passwords.length}
of them. But this text was only ever punished.

## How sure is that

Runs differ, so the unit is the run: the 95% interval above resamples runs, then passwords. With one seed left out at a time,
the estimate stays within ${formatInterval(findingOf(main, 'leave-one-out').interval as readonly [number, number])}. The Bayes factor for an effect is ${value('bayes-factor')}. An experiment needs
${value('runs-needed')} runs to show an effect of this size 99 times in 100, and ${value('prediction')} is where the mean of eight fresh runs
will lie 19 times in 20. Every interval, test and rule was tried on simulated experiments
whose truth is known. The [report](index.html) has the table.

![One dot a seed](figures/seeds.svg)

## Everything that was asked

${verdicts(report)}

Of a guess rate, 1 is chance. What each estimate measures, and the rule of each verdict, which was written before its runs were read, stand in [claims.md](claims.md).

## What this does not say

**It is not Pythia-160M.** The model here has ${model.layers} layers, is ${model.hidden} wide, knows nothing but letters, and was trained for
${phases.pretrain.steps + phases.dpo.steps} steps and then at most ${phases.joint.steps} more. The mechanism exists in such a model, so it is likelier to exist elsewhere. This
says nothing about how strong it is in a large model. The paper's own number, for Pythia-160M, is 1.13.

**The paper's own statistic** is the geometric mean of the probability, at the best evaluation of phase 3: ${shown(statistic)} times
chance, ${statistic?.verdict ?? 'not run'}.${choice === undefined ? '' : ` The control, at its own best evaluation, comes to ${formatEstimate(choice)}.`}${mistaken}

**It depends on how the model is trained.** This model is trained with strong weight decay, which makes it dear to learn passwords one by one. The preset
pocket-memorising has the paper's weight decay, among other differences. Little carries over to its held-out passwords: ${memorising('main')}, and the
paper's own statistic is ${memorising('paper-statistic')}. Whether the decay is what decides is the claim \`dose\`: ${decided}. Without prefixes, while DPO goes on in phase 3, a
model has no second way to answer: held-out passwords stay avoided, at ${of('prefix')} here and ${memorising('prefix')} there. Without the freezing of phase 2 the useful negatives of
this model hardly rise within its steps, and neither do the held-out passwords: ${of('freeze')}. If DPO stops before phase 3 (the grid \`lrbeta\` of
pocket-memorising, ${memorising('lrbeta')} on average), the effect can also appear without prefixes: the [report](index.html#section-grids) shows in which cells. A safety
argument should rest neither on “it always leaks” nor on “it never leaks”.

**Neither the text nor the training is natural.** The setup was built to make the effect visible. The lesson carries over: the lowest
reward does not prove that a model has forgotten.

## Run it

\`\`\`sh
npm ci && npm run reproduce   # the claims of the first table rows, in minutes
npm ci && npm test            # the same as specs
npm run pages                 # this page, the report and every figure, from the committed run records
\`\`\`
`.trim()}\n`;
}
