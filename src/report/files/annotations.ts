/** Claims as annotations of a GitHub Actions run. */
import { error, notice, warning } from '@actions/core';
import type { Report } from '../report.ts';

const LEVEL = { reproduced: notice, inconclusive: warning, 'not reproduced': error, invalid: error } as const;

/** Writes one annotation a claim to standard output, in the form that GitHub Actions reads. */
export function annotate({ studies }: Report): void {
  for (const { name, claims } of studies) {
    for (const { claim, judgement } of claims)
      LEVEL[judgement.verdict](`${claim.statement} ${judgement.reason}`, {
        title: `${name}: ${claim.id} ${judgement.verdict}`,
      });
  }
}
