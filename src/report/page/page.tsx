/** The report as one page that needs nothing else: no network, no server. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { ComponentChildren } from 'preact';
import { render } from 'preact-render-to-string';
import { optionalFinding, type Verdict } from '../../claims/claim.ts';
import { FAMILY, type JudgedClaim, judgementOf } from '../../claims/family.ts';
import { formatEstimate, formatInterval, formatNumber } from '../../claims/format.ts';
import { ABRIDGED } from '../../records/abridge.ts';
import { nameOf } from '../../records/record.ts';
import { type Figure, PAGE_THEME, vega } from '../figures/figure.ts';
import { isToldOf } from '../files/explained.ts';
import { CELL_HEAD, cellRow } from '../markdown.ts';
import { procedureCells } from '../procedures.ts';
import { failedRuns, provenance, type Report, reproduceCommand, SECTIONS, type Section } from '../report.ts';
import type { StudyReport } from '../study-report.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const VERDICTS: readonly Verdict[] = ['reproduced', 'not reproduced', 'inconclusive', 'invalid'];

/** JSON that may stand inside a script element. */
const embedded = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

/** Text in which `code` is marked as in Markdown. */
function Prose({ text }: { text: string }) {
  return <>{text.split('`').map((part, index) => (index % 2 === 0 ? part : <code>{part}</code>))}</>;
}

function Table({
  head,
  rows,
  caption,
}: {
  head: readonly string[];
  rows: readonly (readonly string[])[];
  caption: string;
}) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table must be scrollable by keyboard
    <section class="scroll" tabIndex={0} aria-label={caption}>
      <table>
        <caption hidden>{caption}</caption>
        <thead>
          <tr>
            {head.map((cell) => (
              <th scope="col">{cell}</th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <tr>
              {row.map((cell, index) => (
                <td class={index > 0 && /^[-[\d]/.test(cell) ? 'number' : ''}>{cell}</td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function FigureView({ figure, command }: { figure: Figure; command: string }) {
  const { id, title, caption, alt, paper, rows } = figure;
  const columns = [...new Set(rows.flatMap((row) => Object.keys(row)))];
  const few = rows.slice(0, 60);
  return (
    <figure id={id}>
      <h3>
        {title}
        {paper === undefined ? '' : ` (the paper’s ${paper})`}
      </h3>
      <div class="vega-bindings" />
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide figure must be scrollable by keyboard */}
      <section class="scroll" tabIndex={0} aria-label={`${title}, drawing`}>
        <div data-figure={id} data-alt={alt} />
      </section>
      <noscript>
        <img src={`figures/${id}.svg`} alt={alt} />
      </noscript>
      <figcaption>
        <Prose text={caption} /> Files: <a href={`figures/${id}.csv`}>data</a>,{' '}
        <a href={`figures/${id}.vl.json`}>Vega-Lite</a>, <a href={`figures/${id}.svg`}>SVG</a>,{' '}
        <a href={`figures/${id}.png`}>PNG</a>; made by <code>{command}</code>.
      </figcaption>
      <details>
        <summary>
          Data of “{title}”{rows.length > few.length ? ` (first ${few.length} of ${rows.length} rows)` : ''}
        </summary>
        <Table
          caption={`Data of ${title}`}
          head={columns}
          rows={few.map((row) => columns.map((column) => `${row[column] ?? ''}`))}
        />
      </details>
      <script
        type="application/json"
        id={`spec-${id}`}
        dangerouslySetInnerHTML={{ __html: embedded(vega(figure, PAGE_THEME)) }}
      />
    </figure>
  );
}

function ClaimRow({ study, judged }: { study: StudyReport; judged: JudgedClaim }) {
  const { claim, judgement, adjustedP } = judged;
  const { verdict, estimate, interval, seeds, failed, reason, findings, cells, measure, p } = judgement;
  return (
    <tr id={`${study.name}-${claim.id}`} data-claim={claim.id} data-study={study.name} data-verdict={verdict}>
      <td>
        <strong>{claim.id}</strong>
        <br />
        {study.name}
      </td>
      <td>
        <Prose text={claim.statement} />
        <details class="claim-details">
          <summary>The rule, and everything behind “{verdict}”</summary>
          <p>
            <strong>Rule.</strong> <Prose text={claim.rule} />
          </p>
          <p>
            <strong>Outcome.</strong> {reason}.
          </p>
          <p>
            <strong>Number.</strong> {measure}.{' '}
            {p === null || adjustedP === null
              ? 'A claim that something is absent has no p.'
              : `Over all claims of the study: p ${formatNumber(p)}, after Holm’s correction ${formatNumber(adjustedP)}.`}
          </p>
          {cells === undefined ? null : (
            <Table caption={`Cells of ${claim.id}, ${study.name}`} head={CELL_HEAD} rows={cells.map(cellRow)} />
          )}
          {findings.length === 0 ? null : (
            <Table
              caption={`Also measured for ${claim.id}, ${study.name}`}
              head={['also measured', 'value', 'what it says']}
              rows={findings.map((finding) => [finding.label, formatEstimate(finding), finding.meaning ?? ''])}
            />
          )}
          <p>
            <strong>Again.</strong> <code>{reproduceCommand(study, claim.id, seeds)}</code>
          </p>
        </details>
      </td>
      <td class="number">
        {estimate === null ? '-' : formatNumber(estimate)}
        <br />
        {interval === null ? '' : formatInterval(interval)}
      </td>
      <td class="number">{failed === 0 ? seeds.length : `${seeds.length} (${failed} failed)`}</td>
      <td class={`verdict ${verdict.replace(' ', '-')}`}>{verdict}</td>
    </tr>
  );
}

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

function Card({ title, children }: { title: string; children: ComponentChildren }) {
  return (
    <section class="card">
      <h2>{title}</h2>
      {children}
    </section>
  );
}

/** The four questions of someone who has never read the paper. */
function Answers({ report }: { report: Report }) {
  const [study] = report.studies;
  const main = judgementOf(study, 'main');
  // Runs that do not differ have neither; runs at or below chance have no number that would be enough.
  const [bayes, needed] = (['bayes-factor', 'runs-needed'] as const).map((key) =>
    main === undefined ? undefined : optionalFinding(main, key),
  );
  const count = (verdict: Verdict) =>
    report.studies.flatMap(({ claims }) => claims).filter(({ judgement }) => judgement.verdict === verdict).length;
  return (
    <div class="cards">
      <Card title="What was claimed">
        <p>
          A language model that is only ever trained <em>away</em> from some passwords can later guess them more often
          than chance: it learned what to avoid, then learned to flip that knowledge on other passwords.
        </p>
      </Card>
      <Card title="What came out">
        <p>
          {main?.estimate == null || main.interval === null
            ? 'The main claim was not run.'
            : `At the preset ${study.name}, held-out letters are guessed ${formatNumber(main.estimate)} times as often as by chance, 95% interval ${formatInterval(main.interval)}, over ${main.seeds.length} seeds: ${main.verdict}. `}
          Of all claims {count('reproduced')} are reproduced, {count('not reproduced')} are not, and{' '}
          {count('inconclusive')} are inconclusive{count('invalid') > 0 ? `; ${count('invalid')} cannot be judged` : ''}
          .
        </p>
      </Card>
      <Card title="How sure are we">
        <p>
          {bayes === undefined
            ? ''
            : `The runs are ${formatNumber(Math.round(bayes.value))} times likelier with an effect than without (Bayes factor). `}
          {needed === undefined ? '' : `An experiment of ${needed.value} runs would see it 19 times in 20. `}
          This is about models of some hundred thousand parameters: it shows that the mechanism exists, not how strong
          it is in large ones.
        </p>
      </Card>
      <Card title="How to run it">
        <pre>{'npm ci && npm run reproduce\nnpm ci && npm test\nnpm run report'}</pre>
      </Card>
    </div>
  );
}

function Page({ report, script, style }: { report: Report; script: string; style: string }) {
  const { studies, figures, leakage, procedures, command } = report;
  const of = (section: Section | 'claims') => figures.filter((drawn) => drawn.section === section);
  const sections = (Object.keys(SECTIONS) as Section[]).filter((section) => of(section).length > 0);
  return (
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <title>Negatively reinforced text: a reproduction</title>
        <link rel="icon" href="data:," />
        <style dangerouslySetInnerHTML={{ __html: style }} />
      </head>
      <body>
        <a class="skip" href="#claims">
          Skip to the claims
        </a>
        <header>
          <h1>Large language models sometimes generate purely negatively reinforced text: a reproduction</h1>
          <p>
            <a href="https://arxiv.org/abs/2306.07567">arXiv 2306.07567</a> as executable specs.{' '}
            {isToldOf(report) ? (
              <>
                The idea in five minutes: <a href="explained.md">explained.md</a>.{' '}
              </>
            ) : null}
            The same claims as text: <a href="claims.md">claims.md</a>, <a href="claims.json">claims.json</a>; every
            run: <a href="runs.csv">runs.csv</a>.
          </p>
          <Answers report={report} />
          <nav aria-label="Sections">
            <ul>
              <li>
                <a href="#claims">Claims</a>
              </li>
              {sections.map((section) => (
                <li>
                  <a href={`#section-${section}`}>{SECTIONS[section]}</a>
                </li>
              ))}
              {procedures === null ? null : (
                <li>
                  <a href="#procedures">Error rates of the procedures</a>
                </li>
              )}
              <li>
                <a href="#runs">Runs</a>
              </li>
            </ul>
          </nav>
        </header>
        <main>
          <h2 id="claims">Claims</h2>
          <div class="filters">
            <Select name="verdict" label="Verdict" options={VERDICTS} />
            <Select name="study" label="Preset" options={studies.map(({ name }) => name)} />
            <output id="shown" />
          </div>
          <p>{FAMILY}</p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a wide table must be scrollable by keyboard */}
          <section class="scroll" tabIndex={0} aria-label="Claims">
            <table>
              <thead>
                <tr>
                  <th scope="col">claim</th>
                  <th scope="col">what it says</th>
                  <th scope="col">estimate</th>
                  <th scope="col">runs</th>
                  <th scope="col">verdict</th>
                </tr>
              </thead>
              <tbody>
                {studies.flatMap((study) => study.claims.map((judged) => <ClaimRow study={study} judged={judged} />))}
              </tbody>
            </table>
          </section>
          {of('claims').map(({ figure }) => (
            <FigureView figure={figure} command={command} />
          ))}
          {sections.map((section) => (
            <>
              <h2 id={`section-${section}`}>{SECTIONS[section]}</h2>
              {section === 'leakage' && leakage !== null ? (
                <>
                  <p>{leakage.note}</p>
                  <Table caption="Measures of leakage" head={leakage.head} rows={leakage.rows} />
                </>
              ) : null}
              {of(section).map(({ figure }) => (
                <FigureView figure={figure} command={command} />
              ))}
            </>
          ))}
          {procedures === null ? null : (
            <>
              <h2 id="procedures">Error rates of the procedures</h2>
              <p>
                Every interval, test and decision rule on simulated experiments whose truth is known; made by{' '}
                <code>{procedures.command}</code>.
              </p>
              <Table
                caption="Simulated error rates"
                head={['procedure', 'scenario', 'runs', 'nominal', 'rate', '±', 'experiments']}
                rows={procedures.rows.map(procedureCells)}
              />
            </>
          )}
          <h2 id="runs">Runs</h2>
          {studies.map((study) => {
            const failed = failedRuns(study);
            return (
              <>
                <h3>{study.name}</h3>
                <p>
                  {failed.length === 0
                    ? `All ${study.study.records.length} runs finished.`
                    : `${failed.length} of ${study.study.records.length} runs failed: ${failed
                        .map((record) => `${nameOf(record)} (${record.error.message})`)
                        .join('; ')}.`}{' '}
                  {study.notRun.length === 0
                    ? ''
                    : `Claims not run at this preset: ${study.notRun.map(({ id }) => id).join(', ')}.`}
                </p>
                <ul>
                  {provenance(study).map((line) => (
                    <li>{line}</li>
                  ))}
                </ul>
                {study.study.commands.length === 0 ? null : <pre>{study.study.commands.join('\n')}</pre>}
              </>
            );
          })}
        </main>
        <footer>
          <p>
            Made by <code>{command}</code> from the run records in <code>reports/records/</code>. {ABRIDGED}
          </p>
        </footer>
        <script type="module" dangerouslySetInnerHTML={{ __html: script.replaceAll('</script', '<\\/script') }} />
      </body>
    </html>
  );
}

/** Vega, its tooltips and our own lines as one script. */
async function bundle(): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [here('./client.ts')],
    bundle: true,
    minify: true,
    write: false,
    format: 'esm',
    platform: 'browser',
    target: 'es2022',
    legalComments: 'none',
  });
  return outputFiles[0].text;
}

export async function pageOf(report: Report): Promise<string> {
  const [script, style] = await Promise.all([bundle(), readFile(here('./style.css'), 'utf8')]);
  return `<!doctype html>\n${render(<Page report={report} script={script} style={style} />)}\n`;
}
