/** The report as one page, which needs neither a network nor a server. */
import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { render } from 'preact-render-to-string';
import { ownModule } from '../../own-module.ts';
import { ABRIDGED } from '../../records/abridge.ts';
import { deviationsNote, deviationsTable } from '../deviations.ts';
import { proceduresNote, proceduresTable } from '../procedures.ts';
import { referenceCodeNote, referenceCodeTable } from '../reference-code.ts';
import { outcomes, type Report, SECTIONS, type Section } from '../report.ts';
import { provenance, type StudyReport } from '../study-report.ts';
import { Claims } from './claims-table.tsx';
import { FigureView } from './figure-view.tsx';
import { Document, Embedded, FileLink, Prose, TableView } from './parts.tsx';
import { STORY, Story } from './story.tsx';

const here = (name: string): string => fileURLToPath(new URL(name, import.meta.url));

/** Files that the page links to, by their names; it carries them, so that its links work where it stands alone. */
export type Beside = ReadonlyMap<string, string>;

/** The page about the error rates of the procedures. */
export const ERROR_RATES = 'error-rates.html';

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

function Contents({ parts }: { parts: readonly (readonly [id: string, title: string])[] }) {
  return (
    <nav class="contents" aria-label="Contents">
      <details open>
        <summary>Contents</summary>
        <ul>
          {parts.map(([id, title]) => (
            <li>
              <a href={`#${id}`}>{title}</a>
            </li>
          ))}
        </ul>
      </details>
    </nav>
  );
}

/** What each study ran, where, and what it does otherwise than the paper. */
const Runs = ({ studies }: { studies: readonly StudyReport[] }) => (
  <>
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
  </>
);

/** Links to what else the report has, each with what it is. */
const WORDS: Readonly<Record<string, string>> = {
  'explained.md': 'the idea in five minutes',
  'memorise-or-flip.md': 'what decides whether a model flips, in plain words',
  'claims.md': 'every claim as text',
  'claims.json': 'every claim for programs',
  'runs.csv': 'every run',
  [ERROR_RATES]: 'how often the procedures err, simulated',
};

interface PageParts {
  readonly report: Report;
  readonly beside: Beside;
  readonly script: string;
  readonly style: string;
}

function Page({ report, beside, script, style }: PageParts) {
  const { studies, figures, leakage, referenceCode, command } = report;
  const shown = figures.filter(({ figure }) => figure.id !== STORY);
  const of = (section: Section | 'claims') => shown.filter((drawn) => drawn.section === section);
  const drawing = (section: Section | 'claims') =>
    of(section).map(({ figure }) => <FigureView figure={figure} command={command} />);
  const sections = (Object.keys(SECTIONS) as Section[]).filter((section) => of(section).length > 0);
  const parts = [
    ['story', 'The story'],
    ['claims', 'Claims'],
    ...sections.map((section) => [`section-${section}`, SECTIONS[section]] as const),
    ...(referenceCode === null ? [] : [['reference-code', 'The paper’s own code beside ours'] as const]),
    ['runs', 'Runs'],
    ['files', 'Files'],
  ] as const;
  return (
    <Document title="Negatively reinforced text: a reproduction" style={style}>
      <a class="skip" href="#claims">
        Skip to the claims
      </a>
      <Contents parts={parts} />
      <div class="page">
        <Story report={report} />
        <main>
          <h2 id="claims">Claims</h2>
          <Claims studies={studies} trainingPage={report.trainingPage} />
          {drawing('claims')}
          {sections.map((section) => (
            <>
              <h2 id={`section-${section}`}>{SECTIONS[section]}</h2>
              {section === 'sure' && beside.has(ERROR_RATES) ? (
                <p>
                  How often each interval, test and rule errs: <FileLink name={ERROR_RATES}>a page of its own</FileLink>
                  .
                </p>
              ) : null}
              {section === 'flip' && beside.has('memorise-or-flip.md') ? (
                <p>
                  What decides it, in plain words: <FileLink name="memorise-or-flip.md" />.
                </p>
              ) : null}
              {section === 'leakage' && leakage !== null ? (
                <>
                  <p>{leakage.note}</p>
                  <TableView caption="Measures of leakage" {...leakage} />
                </>
              ) : null}
              {drawing(section)}
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
          <h2 id="runs">Runs</h2>
          <Runs studies={studies} />
          <h2 id="files">Files</h2>
          <ul>
            {[...beside.keys()].map((name) => (
              <li>
                <FileLink name={name} />: {WORDS[name]}
              </li>
            ))}
          </ul>
        </main>
        <footer>
          <p>
            Made by <code>{command}</code> from the run records in <code>reports/records/</code>. {ABRIDGED}
          </p>
        </footer>
      </div>
      <Embedded id="files-beside" value={Object.fromEntries(beside)} />
      <script type="module" dangerouslySetInnerHTML={{ __html: script.replaceAll('</script', '<\\/script') }} />
    </Document>
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

const readStyle = (): Promise<string> => readFile(here('./style.css'), 'utf8');

const asDocument = (content: Parameters<typeof render>[0]): string => `<!doctype html>\n${render(content)}\n`;

/** @param beside what it may link to; a name that it does not know is refused */
export async function pageOf(report: Report, beside: Beside = new Map()): Promise<string> {
  for (const name of beside.keys())
    if (WORDS[name] === undefined) throw new RangeError(`the page has no words for ${name}`);
  const [script, style] = await Promise.all([bundle(), readStyle()]);
  return asDocument(<Page report={report} beside={beside} script={script} style={style} />);
}

/** The page about error rates, where they have been simulated. */
export async function errorRatesPage({ procedures }: Report): Promise<string | null> {
  if (procedures === null) return null;
  return asDocument(
    <Document title="Error rates of the procedures" style={await readStyle()}>
      <main class="page">
        <h1>Error rates of the procedures</h1>
        <p>
          <Prose text={proceduresNote(procedures)} />
        </p>
        <TableView caption="Simulated error rates" {...proceduresTable(procedures.rows)} />
      </main>
    </Document>,
  );
}
