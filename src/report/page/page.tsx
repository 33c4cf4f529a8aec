/** The report as one page, which needs neither a network nor a server. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import type { ComponentChildren } from 'preact';
import { render } from 'preact-render-to-string';
import { optionalFinding, type Verdict } from '../../claims/claim.ts';
import { FAMILY, type JudgedClaim, judgementOf } from '../../claims/family.ts';
import { formatInterval, formatNumber } from '../../claims/format.ts';
import { ownModule } from '../../own-module.ts';
import { ABRIDGED } from '../../records/abridge.ts';
import { deviationsNote, deviationsTable } from '../deviations.ts';
import { columnsOf } from '../escape.ts';
import { type Figure, PAGE_THEME, vega } from '../figures/figure.ts';
import { isToldOf } from '../files/explained.ts';
import { isMechanismTold } from '../files/memorise-or-flip.ts';
import { proceduresNote, proceduresTable } from '../procedures.ts';
import { referenceCodeNote, referenceCodeTable } from '../reference-code.ts';
import { correctedText, outcomes, type Report, reproduceCommand, SECTIONS, type Section } from '../report.ts';
import { provenance, type StudyReport } from '../study-report.ts';
import { cellsTable, findingsTable, runsText, type Table } from '../table.ts';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

const VERDICTS: readonly Verdict[] = ['reproduced', 'not reproduced', 'inconclusive', 'invalid'];

/** JSON that may stand inside a script element. */
const embedded = (value: unknown): string => JSON.stringify(value).replaceAll('<', '\\u003c');

/** Text in which `code` is marked as in Markdown. */
function Prose({ text }: { text: string }) {
  return <>{text.split('`').map((part, index) => (index % 2 === 0 ? part : <code>{part}</code>))}</>;
}

/** A wide part, which scrolls by itself and can be reached by keyboard. */
function Scroll({ label, children }: { label: string; children: ComponentChildren }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a part that scrolls must be reachable by keyboard
    <section class="scroll" tabIndex={0} aria-label={label}>
      {children}
    </section>
  );
}

const Head = ({ cells }: { cells: readonly string[] }) => (
  <thead>
    <tr>
      {cells.map((cell) => (
        <th scope="col">{cell}</th>
      ))}
    </tr>
  </thead>
);

function TableView({ head, rows, caption }: Table & { caption: string }) {
  return (
    <Scroll label={caption}>
      <table>
        <caption hidden>{caption}</caption>
        <Head cells={head} />
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
    </Scroll>
  );
}

function Deviations({ study: { name, study } }: { study: StudyReport }) {
  const table = deviationsTable(study.setup);
  return (
    <details>
      <summary>{`What differs from the paper: ${table.rows.length} fields`}</summary>
      <p>
        <Prose text={deviationsNote(table)} />
      </p>
      {table.rows.length === 0 ? null : <TableView {...table} caption={`What ${name} does otherwise than the paper`} />}
    </details>
  );
}

function FigureView({ figure, command }: { figure: Figure; command: string }) {
  const { id, title, caption, alt, paper, rows } = figure;
  const columns = columnsOf(rows);
  const few = rows.slice(0, 60);
  return (
    <figure id={id}>
      <h3>
        {title}
        {paper === undefined ? '' : ` (the paper’s ${paper})`}
      </h3>
      <div class="vega-bindings" />
      <Scroll label={`${title}, drawing`}>
        <div data-figure={id} data-alt={alt} />
      </Scroll>
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
        <TableView
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
  const { claim, judgement } = judged;
  const { verdict, estimate, interval, seeds, reason, findings, cells, measure } = judgement;
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
          </p>
        </details>
      </td>
      <td class="number">
        {estimate === null ? '-' : formatNumber(estimate)}
        <br />
        {interval === null ? '' : formatInterval(interval)}
      </td>
      <td class="number">{runsText(judgement)}</td>
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
  // Runs that do not differ have neither finding. Runs at or below chance have no number of runs that would be enough.
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
          than chance. It learns what to avoid. Then it learns, on other passwords, to say what it avoids.
        </p>
      </Card>
      <Card title="What came out">
        <p>
          {main?.estimate == null || main.interval === null
            ? 'The main claim was not run.'
            : `At the preset ${study.name}, held-out letters are guessed ${formatNumber(main.estimate)} times as often as by chance, 95% interval ${formatInterval(main.interval)}, over ${main.seeds.length} seeds: ${main.verdict}. `}
          {count('reproduced')} claims are reproduced, {count('not reproduced')} are not reproduced, and{' '}
          {count('inconclusive')} are inconclusive{count('invalid') > 0 ? `; ${count('invalid')} are invalid` : ''}.
        </p>
      </Card>
      <Card title="How sure are we">
        <p>
          {bayes === undefined
            ? ''
            : `The runs are ${formatNumber(Math.round(bayes.value))} times likelier with an effect than without an effect (Bayes factor). `}
          {needed === undefined ? '' : `An experiment of ${needed.value} runs would show the effect 99 times in 100. `}
          The models have a few hundred thousand parameters. They show that the mechanism exists. They do not show how
          strong it is in large models.
        </p>
      </Card>
      <Card title="How to run it">
        <pre>{'npm ci && npm run reproduce\nnpm ci && npm test\nnpm run pages'}</pre>
      </Card>
    </div>
  );
}

function Page({ report, script, style }: { report: Report; script: string; style: string }) {
  const { studies, figures, leakage, procedures, referenceCode, command } = report;
  const of = (section: Section | 'claims') => figures.filter((drawn) => drawn.section === section);
  const sections = (Object.keys(SECTIONS) as Section[]).filter((section) => of(section).length > 0);
  const parts = [
    ['claims', 'Claims'],
    ...sections.map((section) => [`section-${section}`, SECTIONS[section]]),
    ...(referenceCode === null ? [] : [['reference-code', 'The paper’s own code beside ours']]),
    ...(procedures === null ? [] : [['procedures', 'Error rates of the procedures']]),
    ['runs', 'Runs'],
  ];
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
              {parts.map(([id, title]) => (
                <li>
                  <a href={`#${id}`}>{title}</a>
                </li>
              ))}
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
          <Scroll label="Claims">
            <table>
              <Head cells={['claim', 'what it says', 'estimate', 'runs', 'verdict']} />
              <tbody>
                {studies.flatMap((study) => study.claims.map((judged) => <ClaimRow study={study} judged={judged} />))}
              </tbody>
            </table>
          </Scroll>
          {of('claims').map(({ figure }) => (
            <FigureView figure={figure} command={command} />
          ))}
          {sections.map((section) => (
            <>
              <h2 id={`section-${section}`}>{SECTIONS[section]}</h2>
              {section === 'flip' && isMechanismTold(report) ? (
                <p>
                  What decides it, in plain words: <a href="memorise-or-flip.md">memorise-or-flip.md</a>.
                </p>
              ) : null}
              {section === 'leakage' && leakage !== null ? (
                <>
                  <p>{leakage.note}</p>
                  <TableView caption="Measures of leakage" {...leakage} />
                </>
              ) : null}
              {of(section).map(({ figure }) => (
                <FigureView figure={figure} command={command} />
              ))}
            </>
          ))}
          {referenceCode === null ? null : (
            <>
              <h2 id="reference-code">The paper’s own code beside ours</h2>
              <p>
                <Prose text={referenceCodeNote(referenceCode)} />
              </p>
              <TableView caption="The paper’s own code beside ours" {...referenceCodeTable(referenceCode)} />
            </>
          )}
          {procedures === null ? null : (
            <>
              <h2 id="procedures">Error rates of the procedures</h2>
              <p>
                <Prose text={proceduresNote(procedures)} />
              </p>
              <TableView caption="Simulated error rates" {...proceduresTable(procedures.rows)} />
            </>
          )}
          <h2 id="runs">Runs</h2>
          {studies.map((study) => (
            <>
              <h3>{study.name}</h3>
              <p>
                {outcomes(study)}{' '}
                {study.notRun.length === 0
                  ? ''
                  : `Claims not run at this preset: ${study.notRun.map(({ id }) => id).join(', ')}.`}
              </p>
              <ul>
                {provenance(study).map((line) => (
                  <li>{line}</li>
                ))}
              </ul>
              <Deviations study={study} />
              {study.study.commands.length === 0 ? null : <pre>{study.study.commands.join('\n')}</pre>}
            </>
          ))}
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
    entryPoints: [fileURLToPath(ownModule('./client', import.meta.url))],
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
