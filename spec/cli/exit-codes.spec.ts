/** The exit code of `reproduce` says what the verdicts say, whatever the other claims say. */
import { afterEach, describe, expect, it, vi } from 'vitest';
import type { Verdict } from '../../src/claims/claim.ts';
import { CLAIMS } from '../../src/claims/index.ts';
import { viewsOf } from '../../src/records/view.ts';
import { configuration } from '../helpers/command.ts';
import { sharedFolder } from '../helpers/folder.ts';
import { written } from '../helpers/written.ts';

const VERDICTS: readonly Verdict[] = ['reproduced', 'not reproduced', 'inconclusive', 'invalid'];
const folder = sharedFolder();
const job = ['--config', configuration(folder), '--seeds', '1', '--claims', 'main,control', '--out', `${folder}/job`];

/** 0 where every claim is reproduced, 2 where there is no verdict, else 1. */
const expected = (verdicts: readonly Verdict[]): number =>
  verdicts.includes('invalid') ? 2 : verdicts.every((verdict) => verdict === 'reproduced') ? 0 : 1;

describe('reproduce', () => {
  afterEach(() => vi.restoreAllMocks());

  it.each(
    VERDICTS.flatMap((main) => VERDICTS.map((control) => [main, control] as const)),
  )('ends as it has to where main is %s and control is %s', async (main, control) => {
    for (const [id, verdict] of Object.entries({ main, control })) {
      const claim = CLAIMS.find((known) => known.id === id)!;
      const weigh = claim.weigh.bind(claim);
      vi.spyOn(claim, 'judge').mockImplementation((evidence) => ({ ...weigh(viewsOf(evidence)), verdict }));
    }
    // Trained once, then gone on with: there is nothing left to train.
    const { code, err } = await written('reproduce', ...job, '--resume');
    expect(code, `exit code of ${main} and ${control}: ${err}`).toBe(expected([main, control]));
  });
});
