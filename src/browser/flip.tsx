/** The second screen: the flip, of every seed that was trained, and in the letters of one held-out password. */
import { formatNumber } from '../claims/format.ts';
import { drawScoredPasswords } from '../passwords/corpus.ts';
import type { Setup } from '../setup/schema.ts';
import { Chart, type Line } from './chart.tsx';
import { stepsBefore } from './progress.ts';
import type { Run } from './runs.ts';
import { lastOf, SETS, stepsOf } from './sets.ts';

const [HELD_OUT, , CONTROL] = SETS;

/** Lines of several runs over one axis: a run without a value at a place has a gap there. */
function together(runs: readonly { x: readonly number[]; line: Omit<Line, 'values'>; y: readonly number[] }[]): {
  x: number[];
  lines: Line[];
} {
  const x = [...new Set(runs.flatMap((run) => run.x))].sort((a, b) => a - b);
  return {
    x,
    lines: runs.map(({ x: own, line, y }) => {
      const values = new Map(own.map((place, index) => [place, y[index]]));
      return { ...line, values: x.map((place) => values.get(place) ?? null) };
    }),
  };
}

/** Held-out passwords of every seed, from phase 2 into phase 3, and by how far the useful ones have risen. */
function FlipCharts({ setup, runs }: { setup: Setup; runs: readonly Run[] }) {
  const start = stepsBefore(setup, 'joint');
  const seeds = runs.map((run) => run.setup.seed).join(', ');
  const over = together(
    runs.map((run) => {
      const later = run.evaluations.filter(({ phase }) => phase !== 'pretrain');
      const steps = stepsOf({ ...run, evaluations: later });
      const shown = run.setup.seed === setup.seed;
      return {
        x: steps.map((step) => step - start),
        y: later.map(({ sets }) => sets.heldOut.guessRate),
        line: { name: `held-out, seed ${run.setup.seed}`, colour: HELD_OUT.colour, faint: !shown },
      };
    }),
  );
  const joint = runs
    .flatMap((run) => run.evaluations.filter(({ phase }) => phase === 'joint'))
    .sort((a, b) => a.sets.useful.guessRate - b.sets.useful.guessRate);
  return (
    <div class="charts">
      <Chart
        title="From phase 2 into phase 3"
        alt={`Guess rates of the held-out passwords, seeds ${seeds}: the table below has them at the end of phase 2 and now.`}
        xTitle="step, from the beginning of phase 3 on"
        yTitle="times chance, log scale"
        {...over}
        chance={1}
        logarithmic
        marks={[{ at: 0, name: '3 joint' }]}
      />
      <Chart
        title="Phase 3, by how far the useful ones have risen"
        alt={`${joint.length} evaluations of phase 3, seeds ${seeds}.`}
        xTitle="guess rate of the useful ones"
        yTitle="times chance"
        x={joint.map(({ sets }) => sets.useful.guessRate)}
        lines={[HELD_OUT, CONTROL].map(({ name, set, colour }) => ({
          name,
          colour,
          values: joint.map(({ sets }) => sets[set].guessRate),
        }))}
        chance={1}
        logarithmic={false}
        scattered
      />
    </div>
  );
}

/** Guess rates before and after, a row a seed. */
function BeforeAndAfter({ runs }: { runs: readonly Run[] }) {
  const shown = (rate: number | undefined) => (rate === undefined ? '-' : formatNumber(rate));
  return (
    <table id="seeds">
      <caption>
        Guess rates as multiples of chance, before the flip and after it, of every seed that was trained.
      </caption>
      <thead>
        <tr>
          <th scope="col">seed</th>
          <th scope="col">held-out after phase 2</th>
          <th scope="col">held-out in phase 3</th>
          <th scope="col">control in phase 3</th>
          <th scope="col">step</th>
        </tr>
      </thead>
      <tbody>
        {runs.map((run) => {
          const after = lastOf(run, 'joint');
          return (
            <tr>
              <th scope="row">{run.setup.seed}</th>
              <td>{shown(lastOf(run, 'dpo')?.sets.heldOut.guessRate)}</td>
              <td>{shown(after?.sets.heldOut.guessRate)}</td>
              <td>{shown(after?.sets.random.guessRate)}</td>
              <td>{after === undefined ? '-' : run.state === 'ended' ? 'the end' : after.step}</td>
            </tr>
          );
        })}
      </tbody>
    </table>
  );
}

/** A probability beside a bar of its length. @param most of all that are shown */
function Probability({ logProbability, most, letters }: { logProbability?: number; most: number; letters: number }) {
  if (logProbability === undefined) return <td>-</td>;
  const probability = Math.exp(logProbability);
  return (
    <td>
      <span class="bar" aria-hidden="true" style={{ width: `${(3 * probability) / most}rem` }} />
      {(100 * probability).toFixed(1)}% <small>({formatNumber(letters * probability)})</small>
    </td>
  );
}

/** The letters of one held-out password, before phase 3 and at the end. */
function Letters({ run: { setup, record } }: { run: Run }) {
  if (record?.status !== 'finished')
    return <p>The letters of a held-out password appear here when the run has ended.</p>;
  const [password] = drawScoredPasswords(setup).heldOut;
  const letters = setup.passwords.alphabet.length;
  const at = (phase: 'dpo' | 'joint') =>
    record.snapshots.find((snapshot) => snapshot.phase === phase)?.sets.heldOut.logProbabilities[0] ?? [];
  const [before, after] = [at('dpo'), at('joint')];
  const most = Math.exp(Math.max(...before, ...after));
  // Without a prefix the first letter is given.
  const first = password.length - after.length;
  return (
    <table id="letters">
      <caption>
        The letters of one held-out password of seed {setup.seed}, which no step ever rewarded: the probability that the
        model gives each, and in brackets as a multiple of chance ({(100 / letters).toFixed(1)}%).
      </caption>
      <thead>
        <tr>
          <th scope="col">letter</th>
          <th scope="col">after phase 2</th>
          <th scope="col">at the end{setup.prefixes ? ', under reverse' : ''}</th>
        </tr>
      </thead>
      <tbody>
        {[...password].slice(first).map((letter, index) => (
          <tr>
            <th scope="row">{letter}</th>
            <Probability logProbability={before[index]} most={most} letters={letters} />
            <Probability logProbability={after[index]} most={most} letters={letters} />
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** @param runs those of the setup, whatever their seed */
export function Flip({ setup, run, runs }: { setup: Setup; run: Run | undefined; runs: readonly Run[] }) {
  if (runs.length === 0) return <p>Train a seed first: what is drawn here moves while it trains.</p>;
  return (
    <>
      <FlipCharts setup={setup} runs={runs} />
      <div class="charts">
        <BeforeAndAfter runs={runs} />
        {run === undefined ? null : <Letters run={run} />}
      </div>
    </>
  );
}
