/** `reproducibility.md`: one page under the headings of the ML Reproducibility Challenge's summary. */
import { judgementOf } from '../../claims/family.ts';
import { deviations } from '../../setup/deviations.ts';
import { heldOut, negatives, useful } from '../../setup/sizes.ts';
import { inMarkdown } from '../escape.ts';
import { referenceCodeNote } from '../reference-code.ts';
import { outcomes, type Report } from '../report.ts';
import { provenance } from '../study-report.ts';
import { claimsMarkdown } from '../table.ts';
import { isMechanismTold } from './memorise-or-flip.ts';

/** It speaks of the claims that `reproduce` judges by default, so it is written only where the first of them was judged. */
export const isSummarised = ({ studies: [first] }: Report): boolean => judgementOf(first, 'main') !== undefined;

const seedsText = (seeds: readonly number[]): string =>
  seeds.length === 0 ? 'no seed' : `${seeds.length} seeds, from ${seeds[0]} to ${seeds.at(-1)}`;

/** @throws RangeError where the first study was not judged on the main claim */
export function reproducibility(report: Report): string {
  const [first] = report.studies;
  const main = judgementOf(first, 'main');
  if (main === undefined) throw new RangeError(`the main claim was not judged in the study ${first.name}`);
  const { setup } = first.study;
  const { model, passwords } = setup;
  const differing = deviations(setup).map(({ field }) => `\`${field}\``);
  const { referenceCode } = report;
  const judged = first.claims.map(({ judgement }) => judgement);
  const of = (verdict: string) => judged.filter((judgement) => judgement.verdict === verdict).map(({ id }) => id);
  const list = (ids: readonly string[]) => (ids.length === 0 ? 'none' : ids.map((id) => `\`${id}\``).join(', '));
  return `${`
# Reproducibility summary

Of *Large Language Models Sometimes Generate Purely Negatively-Reinforced Text* (Fabien Roger, [arXiv 2306.07567](https://arxiv.org/abs/2306.07567)), under the
headings of the ML Reproducibility Challenge. The numbers are those of [claims.md](claims.md).

## Scope of reproducibility

The claim: a model that is trained by DPO *away* from passwords guesses them more often than chance once other training teaches it to say some of what it avoids, although
the *held-out* ones among them are only ever the lowest-reward text. Tested here with ${model.pretrained === null ? `a model from scratch, ${model.layers} layers and ${model.hidden} wide` : inMarkdown(model.pretrained)}; ${negatives(setup)} negative passwords of
${passwords.length} letters, ${heldOut(setup)} of them held out and ${useful(setup)} useful.

## Methodology

The program is written anew in TypeScript; no code of the paper is used. Fields in which this setup differs from the paper's: ${differing.length === 0 ? 'none' : differing.join(', ')}; [claims.md](claims.md) says why.
Every claim has a rule that was fixed before this project's runs. Its presets were chosen on the seeds 1 to 6; here the main claim is judged on ${seedsText(main.seeds)}. The unit is the run: intervals resample runs, then passwords.
A ledger reads every sequence back from what the optimiser is given, and stops a run that rewards a held-out password.

*Computing.* ${outcomes(first, inMarkdown)} They ran on: ${provenance(first).map(inMarkdown).join('; ')}.

## Results

${claimsMarkdown(judged)}

Reproduced: ${list(of('reproduced'))}. Not reproduced: ${list(of('not reproduced'))}. Inconclusive: ${list(of('inconclusive'))}. Invalid: ${list(of('invalid'))}.
${first.notRun.length === 0 ? '' : `Not run at this preset: ${list(first.notRun.map(({ id }) => id))}.`}
${referenceCode === null ? '' : `\n${referenceCodeNote(referenceCode)}\n`}
## What was easy

The experiment needs no data set, and the paper's code is short and public: its constants, its order of examples and its statistic could be read there.

## What was difficult

- A small model from scratch memorises at the paper's weight decay (0.01), and the effect is weaker there. That it grows with the decay had to be found${isMechanismTold(report) ? ': [memorise or flip](memorise-or-flip.md)' : ''}.
- The paper's statistic is a maximum over evaluations, which is above chance by itself. A control at its own best evaluation stands beside it.
- In PyTorch before version 2, \`zero_grad\` leaves zeros, and AdamW then decays weights that are frozen.

## Communication with the original authors

Those who wrote this program have had none so far.
`.trim()}\n`;
}
