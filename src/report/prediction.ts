/** What the reference report predicts of an experiment, in words. */
import { fileURLToPath } from 'node:url';
import type { Judgement } from '../claims/claim.ts';
import { formatInterval, formatNumber } from '../claims/format.ts';
import type { Found, Predicted } from '../claims/prediction.ts';
import { readTextIfThere } from '../records/bounded.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { parseJson } from '../untrusted.ts';
import { type ClaimsJson, claimsJsonSchema } from './files/claims-json.ts';

/** The committed report; an installed package has none. */
const REFERENCE = fileURLToPath(new URL('../../reports/claims.json', import.meta.url));

/**
 * What a report found of the main claim at a setup; null where it has no such runs, or is no report.
 * @param file a `claims.json` of the command `report`
 */
export function foundOf(setup: Setup, file = REFERENCE): Found | null {
  const text = readTextIfThere(file);
  if (text === null) return null;
  let parsed: ClaimsJson;
  try {
    parsed = claimsJsonSchema.parse(parseJson(text));
  } catch {
    return null; // of another version: it says nothing that can be compared
  }
  const hash = setupHash({ ...setup, seed: 0 });
  const main = parsed.studies.find((study) => study.setupHash === hash)?.claims.find((claim) => claim.id === 'main');
  const deviation = main?.findings.find(({ key }) => key === 'deviation-over-runs')?.value;
  if (main === undefined || main.estimate === null || deviation == null || main.seeds.length < 2) return null;
  return { mean: main.estimate, deviation, runs: main.seeds.length, seeds: main.seeds };
}

/** The same as a sentence. */
export function predictedText({ estimate, seeds }: Pick<Judgement, 'estimate' | 'seeds'>, of: Predicted): string {
  const { interval, within, runs, shared } = of;
  const where = within ? 'within' : 'OUTSIDE';
  const own =
    shared === 0
      ? ''
      : ` ${shared === seeds.length ? 'These seeds' : `${shared} of these seeds`} are seeds of that report: fresh ones say more.`;
  return (
    `The held-out guess rate, ${formatNumber(estimate as number)}, lies ${where} ${formatInterval(interval)}, where 95% of fresh experiments of ` +
    `${seeds.length} runs lie by the ${runs} runs of the reference report.${own}`
  );
}
