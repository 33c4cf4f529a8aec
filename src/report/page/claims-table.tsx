/** The claims, a preset after the other, and the filters that choose among them. */
import type { Verdict } from '../../claims/claim.ts';
import { FAMILY, type JudgedClaim } from '../../claims/family.ts';
import { formatInterval, formatNumber } from '../../claims/format.ts';
import { correctedText, type Report, reproduceCommand, trainingFragment } from '../report.ts';
import type { StudyReport } from '../study-report.ts';
import { cellsTable, findingsTable, runsText } from '../table.ts';
import { Prose, TableView, VerdictMark } from './parts.tsx';

const VERDICTS: readonly Verdict[] = ['reproduced', 'not reproduced', 'inconclusive', 'invalid'];

function Select({ name, label, options }: { name: string; label: string; options: readonly string[] }) {
  return (
    <span>
      <label for={`filter-${name}`}>{label}</label>{' '}
      <select id={`filter-${name}`}>
        <option value="all">all</option>
        {options.map((option) => (
          <option value={option}>{option}</option>
        ))}
      </select>
    </span>
  );
}

interface ClaimParts extends Pick<Report, 'trainingPage'> {
  readonly study: StudyReport;
  readonly judged: JudgedClaim;
}

function Details({ study, judged, trainingPage }: ClaimParts) {
  const { claim, judgement } = judged;
  const { verdict, seeds, reason, findings, cells, measure } = judgement;
  const fragment = trainingFragment(study, claim.id);
  return (
    <details class="claim-details">
      <summary>The rule, and everything behind “{verdict}”</summary>
      <p>
        <strong>Rule.</strong> <Prose text={claim.rule} />
      </p>
      <p>
        <strong>Outcome.</strong> {reason}.
      </p>
      <p>
        <strong>Number.</strong> {measure}. {correctedText(judged)}
      </p>
      {cells === undefined ? null : (
        <TableView caption={`Cells of ${claim.id}, ${study.name}`} {...cellsTable(cells)} />
      )}
      {findings.length === 0 ? null : (
        <TableView caption={`Also measured for ${claim.id}, ${study.name}`} {...findingsTable(findings)} />
      )}
      <p>
        <strong>Again.</strong> <code>{reproduceCommand(study, claim.id, seeds)}</code>
        {trainingPage === undefined || fragment === null ? null : (
          <>
            , or <a href={`${trainingPage}${fragment}`}>train it in your browser</a>
          </>
        )}
      </p>
    </details>
  );
}

/** On a phone each is a block that begins with its verdict. */
function Claim({ study, judged, trainingPage }: ClaimParts) {
  const { claim, judgement } = judged;
  const { verdict, estimate, interval } = judgement;
  return (
    <article id={`${study.name}-${claim.id}`} data-claim={claim.id} data-study={study.name} data-verdict={verdict}>
      <p class="judged">
        <VerdictMark verdict={verdict} /> <strong>{claim.id}</strong>{' '}
        <span class="number">
          {estimate === null ? '-' : formatNumber(estimate)} {interval === null ? '' : formatInterval(interval)},{' '}
          {runsText(judgement)} runs
        </span>
      </p>
      <p>
        <Prose text={claim.statement} />
      </p>
      <Details study={study} judged={judged} trainingPage={trainingPage} />
    </article>
  );
}

export const Claims = ({ studies, trainingPage }: Pick<Report, 'studies' | 'trainingPage'>) => (
  <>
    <div class="filters">
      <Select name="verdict" label="Verdict" options={VERDICTS} />
      <Select name="preset" label="Preset" options={studies.map(({ name }) => name)} />
      <output id="shown" />
    </div>
    <p>{FAMILY}</p>
    {studies.map((study) => (
      <section data-preset={study.name}>
        <h3 id={`claims-${study.name}`}>{study.name}</h3>
        {study.claims.map((judged) => (
          <Claim study={study} judged={judged} trainingPage={trainingPage} />
        ))}
      </section>
    ))}
  </>
);
