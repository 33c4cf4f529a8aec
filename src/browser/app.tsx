/** The page on which a reader trains the claim. */
import { render } from 'preact';
import { useEffect, useMemo, useState } from 'preact/hooks';
import { armSetup } from '../claims/arms.ts';
import { formatInterval, formatNumber } from '../claims/format.ts';
import { CLAIMS, type Claim, CORE } from '../claims/index.ts';
import { drawScoredPasswords } from '../passwords/corpus.ts';
import { COLOURS } from '../report/figures/colours.ts';
import { VerdictMark } from '../report/page/parts.tsx';
import { valueAt, withValue } from '../setup/fields.ts';
import { setupHash } from '../setup/hash.ts';
import { claimSeeds, DEFAULT_SEEDS, PRESETS } from '../setup/presets.ts';
import { parseSetup, type Setup } from '../setup/schema.ts';
import { type Asked, addressOf, readAddress } from './address.ts';
import { Chart } from './chart.tsx';
import { keptRecords } from './keep.ts';
import { type Run, Runs, secondsLeft } from './runs.ts';
import { save, studyText } from './save.ts';

/** Of the reference report's runs: the digest of their parameters by the hash of their setup. */
declare const KNOWN_DIGESTS: Readonly<Record<string, string>>;

/** The text of the workers' script. */
declare const WORKER: string;

const workerFile = URL.createObjectURL(new Blob([WORKER], { type: 'text/javascript' }));

const SETS = [
  ['held-out', 'heldOut'],
  ['useful', 'useful'],
  ['control', 'random'],
] as const;

/** What a reader can turn, with what the paper has and what was found here. */
const KNOBS = [
  {
    path: 'optimiser.weightDecay',
    label: 'Weight decay',
    found: 'The stronger, the more a small model flips instead of memorising, up to 1.',
  },
  { path: 'beta', label: 'Beta of DPO', found: 'How far DPO may go from the model before phase 2.' },
  {
    path: 'passwords.heldBatches',
    label: 'Batches of negatives held out',
    found: 'The paper holds out one of twenty, and up to nine in its figure 1.',
  },
  {
    path: 'phases.dpo.trainable',
    label: 'Trained in phase 2 (all, first-half)',
    found: 'In the reference report the useful negatives do not rise without freezing.',
  },
  {
    path: 'prefixes',
    label: 'Prefixes (true, false)',
    found: 'In the reference report held-out passwords stay below chance without them.',
  },
  { path: 'phases.dpo.steps', label: 'Steps of phase 2', found: 'How long DPO pushes the negatives away.' },
  { path: 'phases.joint.steps', label: 'Steps of phase 3', found: 'As many as in phase 2 in the paper.' },
  {
    path: 'seed',
    label: 'Seed',
    found: 'Everything that is drawn depends on it. The report has the seeds from 201 on.',
  },
] as const;

const minutes = (seconds: number): string =>
  seconds < 90 ? `${Math.max(1, Math.round(seconds))} seconds` : `${Math.round(seconds / 60)} minutes`;

const percent = (share: number): string => `${Math.floor(100 * share)}%`;

/** Steps since the beginning of a run, at each of its evaluations. */
function stepsOf({ setup, evaluations }: Run): number[] {
  const before = {
    pretrain: 0,
    dpo: setup.phases.pretrain.steps,
    joint: setup.phases.pretrain.steps + setup.phases.dpo.steps,
  };
  return evaluations.map(({ phase, step }) => before[phase] + step);
}

function Curves({ run }: { run: Run }) {
  const [measure, setMeasure] = useState<'guessRate' | 'perf'>('guessRate');
  const x = useMemo(() => stepsOf(run), [run]);
  const lines = SETS.map(([name, set]) => ({
    name,
    colour: COLOURS[name],
    values: run.evaluations.map(({ sets }) => sets[set][measure]),
  }));
  const last = run.evaluations.at(-1);
  const joint = run.evaluations
    .filter(({ phase }) => phase === 'joint')
    .sort((a, b) => a.sets.useful.guessRate - b.sets.useful.guessRate);
  return (
    <>
      <p>
        <label for="measure">Draw</label>{' '}
        <select
          id="measure"
          value={measure}
          onChange={({ currentTarget }) => setMeasure(currentTarget.value as typeof measure)}
        >
          <option value="guessRate">guess rate</option>
          <option value="perf">log-likelihood</option>
        </select>
      </p>
      <div class="charts">
        <Chart
          title="Over the three phases"
          alt={
            last === undefined
              ? 'Nothing is trained yet.'
              : SETS.map(([name, set]) => `${name} at ${formatNumber(last.sets[set].guessRate)} times chance`).join(
                  ', ',
                )
          }
          xTitle="step"
          yTitle={measure === 'guessRate' ? 'guess rate, log scale' : 'nats above chance'}
          x={x}
          lines={lines}
          chance={measure === 'guessRate' ? 1 : 0}
          logarithmic={measure === 'guessRate'}
        />
        <Chart
          title="The flip: phase 3, by how far the useful negatives have risen"
          alt={`${joint.length} evaluations of phase 3 so far.`}
          xTitle="useful negatives (1 = chance)"
          yTitle="guess rate"
          x={joint.map(({ sets }) => sets.useful.guessRate)}
          lines={SETS.filter(([name]) => name !== 'useful').map(([name, set]) => ({
            name,
            colour: COLOURS[name],
            values: joint.map(({ sets }) => sets[set].guessRate),
          }))}
          chance={1}
          logarithmic={false}
          scattered
        />
      </div>
    </>
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
  // Without a prefix the first letter is given.
  const first = password.length - after.length;
  const shown = (logProbability: number | undefined) =>
    logProbability === undefined ? '-' : formatNumber(letters * Math.exp(logProbability));
  return (
    <table>
      <caption>
        The letters of one held-out password, which no step ever rewarded: their probabilities as multiples of chance
        (1/{letters}).
      </caption>
      <thead>
        <tr>
          <th scope="col">letter</th>
          <th scope="col">after phase 2</th>
          <th scope="col">at the end, under reverse</th>
        </tr>
      </thead>
      <tbody>
        {[...password].slice(first).map((letter, index) => (
          <tr>
            <th scope="row">{letter}</th>
            <td>{shown(before[index])}</td>
            <td>{shown(after[index])}</td>
          </tr>
        ))}
      </tbody>
    </table>
  );
}

/** What the ledger saw, and whether the run ended as the reference report's. */
function Proof({ run: { setup, record } }: { run: Run }) {
  if (record === null) return null;
  if (record.status === 'failed')
    return (
      <p role="alert">
        The run failed: {record.error.name}: {record.error.message}
      </p>
    );
  const { heldOut, clean } = record.ledger;
  const known = KNOWN_DIGESTS[setupHash(setup)];
  return (
    <>
      <p id="ledger">
        The ledger read every sequence back from the tokens that the optimiser was given: held-out passwords were
        rejected {heldOut.rejected} times, chosen {heldOut.chosen} times and imitated {heldOut.imitated} times.{' '}
        {clean ? 'It found nothing to object to.' : 'It objected.'}
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

function Judged({ claims, setup, runs }: { claims: readonly Claim[]; setup: Setup; runs: readonly Run[] }) {
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

function Knobs({ asked, change }: { asked: Asked; change: (setup: Setup) => void }) {
  const [fault, setFault] = useState('');
  const turn = (path: string, text: string) => {
    let value: unknown = text;
    try {
      value = JSON.parse(text);
    } catch {
      // it is a word
    }
    try {
      change(parseSetup(withValue(asked.setup, path.split('.'), value)));
      setFault('');
    } catch (error) {
      setFault((error as Error).message);
    }
  };
  const shown = (setup: Setup, path: string) => String(valueAt(setup, path.split('.')));
  return (
    <>
      <dl class="knobs">
        {KNOBS.map(({ path, label, found }) => (
          <div>
            <dt>
              <label for={`knob-${path}`}>{label}</label>
            </dt>
            <dd>
              <input
                id={`knob-${path}`}
                value={shown(asked.setup, path)}
                onChange={({ currentTarget }) => turn(path, currentTarget.value)}
              />{' '}
              {path === 'seed' ? '' : `The paper: ${shown(PRESETS.paper, path)}. `}
              {found}
            </dd>
          </div>
        ))}
      </dl>
      <p role="alert" class="fault">
        {fault}
      </p>
    </>
  );
}

/** Every setup that the claims need, under each of their seeds, and none twice. */
const setupsOf = (claims: readonly Claim[], setup: Setup): Setup[] => {
  const all = claimSeeds(DEFAULT_SEEDS).flatMap((seed) =>
    claims.flatMap((claim) => claim.arms.map((arm) => armSetup({ ...setup, seed }, arm))),
  );
  return [...new Map(all.map((one) => [setupHash(one), one])).values()];
};

function App({ first }: { first: Asked }) {
  const [asked, setAsked] = useState(first);
  const [, setChanges] = useState(0);
  const runs = useMemo(
    () =>
      new Runs(
        () => new Worker(workerFile),
        () => setChanges((changes) => changes + 1),
        first.engine,
      ),
    [first.engine],
  );
  useEffect(() => {
    keptRecords()
      .then((records) => records.forEach((record) => runs.know(record)))
      .catch(() => {}); // a browser that keeps nothing can train all the same
  }, [runs]);
  useEffect(() => history.replaceState(null, '', addressOf(asked)), [asked]);

  const claims = asked.claims.length === 0 ? CORE : CLAIMS.filter(({ id }) => asked.claims.includes(id));
  const needed = setupsOf(claims, asked.setup);
  const run = runs.of(asked.setup);
  const all = runs.all();
  const working = all.filter(({ state }) => state === 'training' || state === 'pausing' || state === 'waiting');
  const share =
    working.length === 0 ? (run?.share ?? 0) : working.reduce((sum, one) => sum + one.share, 0) / working.length;
  const left = working.flatMap((one) => secondsLeft(one) ?? []);
  const shown = new Set([asked.setup, ...needed].map((setup) => setupHash(setup)));
  const ended = all.flatMap(({ record }) => (record !== null && shown.has(record.setupHash) ? [record] : []));
  const keep = () =>
    save(`${asked.setup.name}-runs.jsonl`, studyText(asked.setup, `the page that trains, ${addressOf(asked)}`, ended));
  const paused = all.some(({ state }) => state === 'paused');
  const status =
    working.length === 0
      ? paused
        ? 'Paused. What was done is kept, also when the tab is closed.'
        : run?.state === 'ended'
          ? 'The run has ended.'
          : run?.state === 'stopped'
            ? `It stopped: ${run.fault}`
            : 'Nothing is training.'
      : `${working.length} ${working.length === 1 ? 'run' : 'runs'} to go, ${percent(share)}${left.length === 0 ? '' : `, about ${minutes(Math.max(...left))} for those at work`}`;
  return (
    <>
      <header>
        <h1>Train it yourself: does a model say what it was only ever trained to avoid?</h1>
        <p>
          A small language model learns passwords in three phases, here in this tab. In phase 2 it is pushed away from
          all of them; in phase 3 it learns to say the <em>useful</em> ones under another prefix. The <em>held-out</em>{' '}
          ones are only ever rejected. Then it is asked for them. (
          <a href="https://arxiv.org/abs/2306.07567">arXiv 2306.07567</a>)
        </p>
      </header>
      <main>
        <section aria-labelledby="one">
          <h2 id="one">1. One seed</h2>
          <p class="buttons">
            <button
              type="button"
              id="train-one"
              onClick={() => runs.train([asked.setup])}
              disabled={run?.state === 'training'}
            >
              Train {asked.setup.name}, seed {asked.setup.seed}
            </button>{' '}
            <button type="button" id="pause" onClick={() => runs.pause()} disabled={working.length === 0}>
              Pause
            </button>{' '}
            <button
              type="button"
              id="go-on"
              onClick={() => runs.train(all.filter(({ state }) => state === 'paused').map(({ setup }) => setup))}
              disabled={!paused}
            >
              Go on
            </button>
          </p>
          <progress max={1} value={share} aria-label="How much is trained" />
          <p>
            <output id="status">{status}</output>
          </p>
          {run === undefined ? null : <Curves run={run} />}
        </section>
        <section aria-labelledby="what">
          <h2 id="what">2. What it knows</h2>
          {run === undefined ? <p>Train a seed first.</p> : <Letters run={run} />}
          {run === undefined ? null : <Proof run={run} />}
        </section>
        <section aria-labelledby="all">
          <h2 id="all">3. The verdict</h2>
          <p>
            {claims.length} claims need {needed.length} runs:{' '}
            {needed.filter((setup) => runs.of(setup)?.state === 'ended').length} are done.
          </p>
          <p>
            <button type="button" id="train-all" onClick={() => runs.train(needed)}>
              Train all of them
            </button>
          </p>
          <Judged claims={claims} setup={asked.setup} runs={all} />
          <p>
            <button type="button" id="save" onClick={keep} disabled={ended.length === 0}>
              Save {ended.length} {ended.length === 1 ? 'run' : 'runs'}
            </button>{' '}
            The command line reads the file: <code>npx negative-knowledge verify runs.jsonl</code>, or{' '}
            <code>report --from runs.jsonl</code>.
          </p>
        </section>
        <section aria-labelledby="turn">
          <h2 id="turn">Turn the knobs</h2>
          <p>The address of this page is that of the setup: share it.</p>
          <Knobs asked={asked} change={(setup) => setAsked({ ...asked, setup })} />
        </section>
      </main>
    </>
  );
}

function start(): void {
  const root = document.getElementById('app') as HTMLElement;
  try {
    render(<App first={readAddress(location.hash)} />, root);
  } catch (error) {
    root.textContent = `The address asks for what cannot be: ${(error as Error).message}`;
    root.setAttribute('role', 'alert');
  }
  document.documentElement.dataset.ready = 'yes';
}
start();
addEventListener('hashchange', () => location.reload());
