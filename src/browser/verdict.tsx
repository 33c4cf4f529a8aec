/** The third screen: the claims by their rules, and the evidence that the ledger and the digests are. */
import { useMemo } from 'preact/hooks';
import { type Arm, armSetup } from '../claims/arms.ts';
import { formatInterval, formatNumber } from '../claims/format.ts';
import type { Claim } from '../claims/index.ts';
import type { FinishedRun } from '../records/record.ts';
import { VerdictMark } from '../report/page/parts.tsx';
import { setupHash } from '../setup/hash.ts';
import { claimSeeds, DEFAULT_SEEDS } from '../setup/presets.ts';
import type { Setup } from '../setup/schema.ts';
import type { Run } from './runs.ts';

/** Of the reference report's runs: the digest of their parameters by the hash of their setup. */
declare const KNOWN_DIGESTS: Readonly<Record<string, string>>;

/** A setup that claims need: an arm under a seed. */
export interface Needed {
  readonly arm: Arm;
  readonly setup: Setup;
  readonly hash: string;
}

/** Every setup that the claims need, under each of their seeds, and none twice. */
export function neededFor(claims: readonly Claim[], setup: Setup): Needed[] {
  const all = claimSeeds(DEFAULT_SEEDS).flatMap((seed) =>
    claims.flatMap((claim) =>
      claim.arms.map((arm): [string, Needed] => {
        const changed = armSetup({ ...setup, seed }, arm);
        const hash = setupHash(changed);
        return [hash, { arm, setup: changed, hash }];
      }),
    ),
  );
  return [...new Map(all).values()];
}

export function Judged({ claims, setup, runs }: { claims: readonly Claim[]; setup: Setup; runs: readonly Run[] }) {
  const records = new Map(runs.flatMap(({ record }) => (record === null ? [] : [[record.setupHash, record] as const])));
  const seeds = claimSeeds(DEFAULT_SEEDS);
  const evidence = (claim: Claim) =>
    Object.fromEntries(
      claim.arms.map((arm) => [
        arm.id,
        seeds.flatMap((seed) => records.get(setupHash(armSetup({ ...setup, seed }, arm))) ?? []),
      ]),
    );
  // Intervals take time, and nothing changes before another run has ended.
  const judged = useMemo(
    () => claims.map((claim) => ({ claim, judgement: claim.judge(evidence(claim)) })),
    [claims.map(({ id }) => id).join(), setupHash(setup), [...records.keys()].join()],
  );
  return (
    <table id="verdicts">
      <caption>
        Each claim by the rule that was written beside it before any run, as in npm test. A rule needs at least 5 runs.
      </caption>
      <thead>
        <tr>
          <th scope="col">verdict</th>
          <th scope="col">claim</th>
          <th scope="col">estimate</th>
        </tr>
      </thead>
      <tbody>
        {judged.map(({ claim, judgement: { verdict, estimate, interval, seeds: counted, reason } }) => {
          return (
            <tr data-claim={claim.id} data-verdict={verdict}>
              <td>
                <VerdictMark verdict={verdict} />
              </td>
              <td>
                <details>
                  <summary>{claim.id}</summary>
                  {claim.statement} <strong>Rule.</strong> {claim.rule} <strong>Outcome.</strong> {reason}.
                </details>
              </td>
              <td>
                {estimate === null ? '-' : formatNumber(estimate)}
                {interval?.every(Number.isFinite) ? ` ${formatInterval(interval)}` : ''}, {counted.length}{' '}
                {counted.length === 1 ? 'run' : 'runs'}
              </td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** How a run ended beside the reference report's run of the same setup. */
const besideReport = ({ setupHash: hash, parametersDigest }: FinishedRun): string => {
  const known = KNOWN_DIGESTS[hash];
  return known === undefined ? 'not in the report' : known === parametersDigest ? 'the same' : 'differs';
};

/** What the ledger counted, and the digest, of each run that the claims rest on. */
export function Evidence({ needed, runs }: { needed: readonly Needed[]; runs: ReadonlyMap<string, Run> }) {
  const shown = needed.flatMap(({ arm, hash }) => {
    const record = runs.get(hash)?.record ?? null;
    return record === null ? [] : [{ arm, record }];
  });
  if (shown.length === 0) return null;
  return (
    <table id="evidence">
      <caption>
        The ledger reads every sequence back from the tokens that the optimiser is given. How often held-out passwords
        were rejected, chosen and imitated in each run; and whether its parameters ended as in the reference report, to
        the last bit.
      </caption>
      <thead>
        <tr>
          <th scope="col">run</th>
          <th scope="col">rejected / chosen / imitated</th>
          <th scope="col">parameters</th>
        </tr>
      </thead>
      <tbody>
        {shown.map(({ arm, record }) => (
          <tr>
            <th scope="row">
              {arm.id}, {record.setup.seed}
            </th>
            {record.status === 'failed' ? (
              <td colSpan={2}>
                failed: {record.error.name}: {record.error.message}
              </td>
            ) : (
              <>
                <td>
                  {record.ledger.heldOut.rejected} / {record.ledger.heldOut.chosen} / {record.ledger.heldOut.imitated}
                  {record.ledger.clean ? '' : ', and the ledger objects'}
                </td>
                <td>
                  <code title={record.parametersDigest}>{record.parametersDigest.slice(0, 8)}</code>,{' '}
                  {besideReport(record)}
                </td>
              </>
            )}
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What the ledger saw of the one run, and whether it ended as the reference report's. */
export function Proof({ run: { record } }: { run: Run }) {
  if (record === null) return null;
  const { seed } = record.setup;
  if (record.status === 'failed')
    return (
      <p role="alert">
        Seed {seed} failed: {record.error.name}: {record.error.message}
      </p>
    );
  const { heldOut, clean } = record.ledger;
  const known = KNOWN_DIGESTS[record.setupHash];
  return (
    <>
      <p id="ledger">
        Seed {seed}: the ledger read every sequence back from the tokens that the optimiser was given. Held-out
        passwords were rejected {heldOut.rejected} times, chosen {heldOut.chosen} times and imitated {heldOut.imitated}{' '}
        times. {clean ? 'It found nothing to object to.' : 'It objected.'}
      </p>
      <p id="digest">
        The parameters end with the digest <code>{record.parametersDigest}</code>
        {known === undefined
          ? '; the reference report has no run of this setup.'
          : known === record.parametersDigest
            ? ': the same, to the last bit, as in the reference report.'
            : `, but in the reference report with ${known}.`}
      </p>
    </>
  );
}
