/** `memorise-or-flip.md`: what decides whether a model flips what it avoids or learns its lessons by heart. */

import { DECAYS, DOSE } from '../../claims/arms.ts';
import { type Cell, type FindingKey, optionalFinding } from '../../claims/claim.ts';
import { judgementOf } from '../../claims/family.ts';
import { formatEstimate, formatNumber } from '../../claims/format.ts';
import type { Report } from '../report.ts';
import type { StudyReport } from '../study-report.ts';
import { estimateText } from '../table.ts';

/** The claims that the page tells. It is written where the first study was judged on any of them. */
const TOLD = ['dose', 'decay-width', 'decay-useful', 'decay-repeats', 'loss-weights', 'patching', 'direction'] as const;
type Told = (typeof TOLD)[number];

export const isMechanismTold = ({ studies: [first] }: Report): boolean =>
  TOLD.some((id) => judgementOf(first, id) !== undefined);

/** Where the models with the weakest decay end, beside those with the decay that the claim looks at; nothing where they were not read. */
function ends(study: StudyReport): string {
  const cells = judgementOf(study, 'dose')?.cells ?? [];
  const at = (decay: number) =>
    cells.find(({ arm }) => arm === DOSE[DECAYS.indexOf(decay as (typeof DECAYS)[number])].id);
  const [weak, strong] = [at(DECAYS[0]), at(1)];
  if (weak?.interval == null || strong?.interval == null) return '';
  const told = ({ estimate, interval, useful }: Cell, decay: number) =>
    `at a decay of ${decay} the useful negatives end at ${formatNumber(useful as number)} times chance, and the held-out passwords at ${formatEstimate({ value: estimate as number, interval: interval as [number, number] })}`;
  const both =
    weak.interval[0] > 1
      ? ' So memorising and flipping are no opposites: with weak decay, too, held-out letters are guessed more often than by chance. But such a model is so sure of itself that where it is wrong, it is very wrong, and the log-likelihood shows little or nothing of it.'
      : '';
  return ` By guess rate at the last step, ${told(weak, DECAYS[0])}; ${told(strong, 1)}.${both}`;
}

export function memoriseOrFlip(report: Report): string {
  const [first] = report.studies;
  /** The verdict on a claim, with its reason; or that it was not run. */
  const outcome = (id: Told): string => {
    const judgement = judgementOf(first, id);
    if (judgement === undefined) return `The claim \`${id}\` was not run at this preset.`;
    const { verdict, reason, seeds } = judgement;
    return `Claim \`${id}\`, ${seeds.length} seeds: **${verdict}**. In numbers: ${reason}.`;
  };
  const estimateOf = (id: Told): string => {
    const judgement = judgementOf(first, id);
    return judgement?.estimate == null ? '(not run)' : estimateText(judgement);
  };
  const found = (id: Told, key: FindingKey): string => {
    const judgement = judgementOf(first, id);
    const finding = judgement === undefined ? undefined : optionalFinding(judgement, key);
    return finding === undefined ? '(not run)' : formatEstimate(finding);
  };
  const figure = (id: string, alt: string): string =>
    report.figures.some((drawn) => drawn.figure.id === `${id}-${first.name}`)
      ? `\n![${alt}](figures/${id}-${first.name}.svg)\n`
      : '';
  return `${`
# Memorise or flip

In phase 3 a model learns to write the useful negatives after the word \`reverse\`. It can do that in two ways. It can *memorise* each of them. Or it can learn
one rule for all of them: after \`reverse\`, say what you avoid. We call that the *flip*. The flip raises the held-out passwords as well, which no step ever
rewards. Memorising does not.

All numbers are of the preset ${first.name}. The rule of each claim, and what was predicted, were written before its runs: see [claims.md](claims.md) and
[the setups](../src/setup/README.md#predictions).

## Weight decay

Weight decay makes every step shrink the weights a little. To hold hundreds of passwords by heart takes large weights, and with strong decay they cost more than they
bring. One rule takes little. So the thought is: with strong decay a small model flips, with weak decay it memorises.

${outcome('dose')}${ends(first)}
${figure('dose', 'Held-out passwords by weight decay')}${figure('norms', 'Norm of the parameters over training')}${figure('rise', 'Rise of the useful negatives over training')}
The same was asked of narrower and wider models, of few and many useful negatives, and of few and many repeats of each.

- Width. ${outcome('decay-width')}
- Useful negatives. ${outcome('decay-useful')}
- Repeats. ${outcome('decay-repeats')}
${figure('decay-width', 'Weight decay and width')}${figure('decay-useful', 'Weight decay and useful negatives')}${figure('decay-repeats', 'Weight decay and repeats')}
## Loss weights

The paper gives the useful negatives a weight of 0.2 beside 1 for DPO. This project once used 0.5.

${outcome('loss-weights')}
${figure('loss-weights', 'Held-out passwords over phase 3 with two sets of loss weights')}
## Where the flip sits

Two models of one run are put together: some parts are from the end of the run, where the model flips, the others from before phase 3, where it does not. Before phase 3 the
guess rate of the held-out passwords under \`reverse\` is ${found('patching', 'patched/before')}, at the end ${found('patching', 'patched/whole')}. With the first half of the final model
alone it is ${estimateOf('patching')}, with the second half alone ${found('patching', 'patched/second-half')}.

${outcome('patching')}
${figure('patched', 'Guess rates in patched models')}
In the residual stream, a direction is sought that tells what was pushed away from fresh passwords: it is made of useful negatives, before phase 3, and tried on held-out
passwords. The area under the ROC curve is 0.5 if it tells nothing, and 1 if it tells everything. Before phase 3 the area is ${estimateOf('direction')}. At the
end of the run it is ${found('direction', 'direction/regular')} under \`regular\` and ${found('direction', 'direction/reverse')} under \`reverse\`.

${outcome('direction')}
${figure('direction', 'Area under the ROC curve by layer')}
## What neighbours found

- *Grokking* (Power et al. 2022, [arXiv 2201.02177](https://arxiv.org/abs/2201.02177)): small networks first memorise their examples, and much later find the rule behind them. Weight decay is
  what speeds that up most. Here too there is a rule to be found, and a way to do without it.
- *Out-of-context reasoning* (Berglund et al. 2023, [arXiv 2309.00667](https://arxiv.org/abs/2309.00667); Treutlein et al. 2024,
  [arXiv 2406.14546](https://arxiv.org/abs/2406.14546)): models use in one context what they only read in another. The flip is of that kind: what was learned
  as something to avoid is used as something to say.

## What this does not say of pretrained models

The paper's models were pretrained, and fine-tuned with a weight decay of 0.01; they showed the effect. So strong decay is not needed everywhere. A pretrained model
begins with features that a small model from scratch has to find, and a short fine-tuning at a small learning rate leaves little time to memorise. We have not tested that: these
are thoughts. The models here have fewer than a million parameters and know only letters.
`
    .trim()
    .replaceAll(/\n{3,}/g, '\n\n')}\n`;
}
