/** The story in one screen: what was claimed, what came out, how sure that is, and how to run it. */
import { optionalFinding, type Verdict } from '../../claims/claim.ts';
import { judgementOf } from '../../claims/family.ts';
import { formatInterval, formatNumber } from '../../claims/format.ts';
import type { Report } from '../report.ts';
import { FigureView } from './figure-view.tsx';
import { VerdictMark } from './parts.tsx';

/** The figure that the story shows. */
export const STORY = 'seeds';

/** Beyond this a Bayes factor is no number that anyone can picture. */
const PICTURED = 1e6;

/** What is known of the main claim beyond its verdict. */
function Sure({ report }: { report: Report }) {
  const main = judgementOf(report.studies[0], 'main');
  // Runs that do not differ have neither finding. Runs at or below chance have no number of runs that would be enough.
  const [bayes, needed] = (['bayes-factor', 'runs-needed'] as const).map((key) =>
    main === undefined ? undefined : optionalFinding(main, key),
  );
  const likelier =
    bayes === undefined ? null : bayes.value > PICTURED ? 'More than a million' : formatNumber(Math.round(bayes.value));
  return (
    <p>
      <strong>How sure are we?</strong>{' '}
      {likelier === null ? '' : `${likelier} times likelier with an effect than without one (Bayes factor). `}
      {needed === undefined ? '' : `${needed.value} runs would show it 99 times in 100. `}
      Models this small show that the mechanism exists, not how strong it is in large ones.
    </p>
  );
}

/** How all claims came out, in a sentence. */
function counts({ studies }: Report): string {
  const verdicts = studies.flatMap(({ claims }) => claims).map(({ judgement }) => judgement.verdict);
  const count = (verdict: Verdict) => verdicts.filter((given) => given === verdict).length;
  const invalid = count('invalid') === 0 ? '' : `, ${count('invalid')} invalid`;
  return `Of ${verdicts.length} claims ${count('reproduced')} are reproduced, ${count('not reproduced')} not reproduced, ${count('inconclusive')} inconclusive${invalid}.`;
}

export function Story({ report }: { report: Report }) {
  const { studies, figures, command } = report;
  const [study] = studies;
  const main = judgementOf(study, 'main');
  const drawn = figures.find(({ figure }) => figure.id === STORY);
  return (
    <header id="story">
      <h1>Do language models say what they were only ever trained to avoid?</h1>
      <p class="outcome">
        {main === undefined ? (
          'The main claim was not run.'
        ) : (
          <>
            <VerdictMark verdict={main.verdict} />
            {main.estimate === null || main.interval === null ? (
              ': there is nothing to read.'
            ) : (
              <>
                : held-out letters are guessed{' '}
                <strong>{formatNumber(main.estimate)} times as often as by chance</strong>, 95% interval{' '}
                {formatInterval(main.interval)}, {main.seeds.length} seeds of {study.name}.
              </>
            )}
          </>
        )}
      </p>
      <div class="story">
        {drawn === undefined ? null : <FigureView figure={drawn.figure} command={command} compact />}
        <div>
          <p>
            <strong>What was claimed?</strong> A model that is only ever trained <em>away</em> from some passwords can
            later guess them more often than chance. It learns what to avoid. Then it learns, on other passwords, to say
            what it avoids (<a href="https://arxiv.org/abs/2306.07567">arXiv 2306.07567</a>).
          </p>
          <Sure report={report} />
          <p>{counts(report)}</p>
          <p>
            <strong>Run it:</strong> <code>npm ci &amp;&amp; npm run reproduce</code>
            {report.trainingPage === undefined ? null : (
              <>
                , or <a href={report.trainingPage}>train it in your browser</a>
              </>
            )}
          </p>
        </div>
      </div>
    </header>
  );
}
