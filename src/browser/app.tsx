/** The page on which a reader trains the claim: a story in three screens, then the knobs. */
import { type ComponentChildren, render } from 'preact';
import { useEffect, useMemo, useRef, useState } from 'preact/hooks';
import { CLAIMS, CORE } from '../claims/index.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { type Asked, addressOf, type PageEngine, readAddress, SCREENS, type Screen } from './address.ts';
import { Flip } from './flip.tsx';
import * as shelf from './keep.ts';
import { Knobs } from './knobs-view.tsx';
import { Curves, Figures, PHASE_NAMES, Phases } from './one-seed.tsx';
import { type Run, Runs, secondsLeft } from './runs.ts';
import { save, studyText } from './save.ts';
import { withoutSeed } from './sets.ts';
import { Evidence, Judged, neededFor, Proof } from './verdict.tsx';

/** The text of the workers' script. */
declare const WORKER: string;

const workerFile = URL.createObjectURL(new Blob([WORKER], { type: 'text/javascript' }));

/** Milliseconds between two drawings, at least: a processor that draws does not train. */
const BETWEEN_DRAWINGS = 200;

const minutes = (seconds: number): string =>
  seconds < 90 ? `${Math.max(1, Math.round(seconds))} seconds` : `${Math.round(seconds / 60)} minutes`;

const percent = (share: number): string => `${Math.floor(100 * share)}%`;

const counted = (count: number): string => `${count} ${count === 1 ? 'run' : 'runs'}`;

/** Brings a screen into sight, and the keyboard to it. */
function show(screen: Screen): void {
  const heading = document.getElementById(screen) as HTMLElement;
  heading.scrollIntoView();
  heading.focus({ preventScroll: true });
}

/** The link to a screen is an address of this page, since the setup is in its fragment: it can be opened and shared. */
const ScreenLink = ({ asked, screen, children }: { asked: Asked; screen: Screen; children: ComponentChildren }) => (
  <a href={addressOf({ ...asked, screen })} onClick={() => show(screen)}>
    {children}
  </a>
);

/** A part of the page under its heading, which ends with a link to the next one. */
function Part({ asked, screen, children }: { asked: Asked; screen: Screen; children: ComponentChildren }) {
  const all = Object.keys(SCREENS) as Screen[];
  const next = all[all.indexOf(screen) + 1];
  return (
    <section aria-labelledby={screen}>
      <h2 id={screen} tabIndex={-1}>
        {SCREENS[screen]}
      </h2>
      {children}
      {next === undefined ? null : (
        <p class="next">
          <ScreenLink asked={asked} screen={next}>
            Next: {SCREENS[next]}
          </ScreenLink>
        </p>
      )}
    </section>
  );
}

/** What the runs of the page are at, in a sentence. */
function statusOf(run: Run | undefined, all: readonly Run[], working: readonly Run[]): string {
  if (working.length > 0) {
    const share = working.reduce((sum, one) => sum + one.share, 0) / working.length;
    const left = secondsLeft(working);
    return `${counted(working.length)} to go, ${percent(share)}${left === null ? '' : `, about ${minutes(left)} left`}`;
  }
  const stopped = all.find(({ state }) => state === 'stopped');
  if (stopped !== undefined) return `Seed ${stopped.setup.seed} stopped: ${stopped.fault}`;
  const paused = all.filter(({ state }) => state === 'paused');
  const unkept = paused.find((one) => one.unkept !== null);
  if (unkept !== undefined)
    return `Paused: ${counted(paused.length)}. This browser did not keep what was done (${unkept.unkept}): it is gone when the tab is closed.`;
  if (paused.length > 0)
    return `Paused: ${counted(paused.length)}. What was done is kept, also when the tab is closed.`;
  return run?.state === 'ended' ? 'The run has ended.' : 'Nothing is training.';
}

/** The same for a screen reader, which says each new text: nothing that changes with every step. */
function said(status: string, run: Run | undefined, working: readonly Run[]): string {
  if (working.length === 0) return status;
  const last = run?.evaluations.at(-1);
  const phase = run?.state === 'training' && last !== undefined ? `, phase ${PHASE_NAMES[last.phase]}` : '';
  return `${counted(working.length)} to go${phase}`;
}

/** The runs of the page, drawn again after they have changed. */
function useRuns(engine: PageEngine | null): Runs {
  const [, setChanges] = useState(0);
  const waiting = useRef(false);
  return useMemo(
    () =>
      new Runs(
        () => new Worker(workerFile),
        shelf,
        () => {
          if (waiting.current) return;
          waiting.current = true;
          setTimeout(() => {
            waiting.current = false;
            setChanges((changes) => changes + 1);
          }, BETWEEN_DRAWINGS);
        },
        engine,
      ),
    [engine],
  );
}

/** What the page says of a run that was left before its end, before anything is pressed. */
function Left({ runs, goOn, forget }: { runs: readonly Run[]; goOn: () => void; forget: () => void }) {
  if (runs.length === 0) return null;
  const places = runs.map(({ setup, share }) => `seed ${setup.seed} at ${percent(share)}`).join(', ');
  return (
    <p class="notice" id="left">
      {runs.length === 1 ? 'A run was left before its end' : `${counted(runs.length)} were left before their end`}:{' '}
      {places}.{' '}
      <button type="button" id="go-on-left" onClick={goOn}>
        Go on
      </button>{' '}
      <button type="button" id="forget" onClick={forget}>
        Forget it
      </button>
    </p>
  );
}

function App({ first }: { first: Asked }) {
  const [asked, setAsked] = useState(first);
  const [unkept, setUnkept] = useState<string | null>(null);
  const runs = useRuns(first.engine);
  const { setup } = asked;

  const claims = asked.claims.length === 0 ? CORE : CLAIMS.filter(({ id }) => asked.claims.includes(id));
  const hash = useMemo(() => setupHash(setup), [setup]);
  const needed = useMemo(() => neededFor(claims, setup), [setup, asked.claims.join()]);

  useEffect(() => {
    shelf.whyNothingIsKept().then(setUnkept);
    shelf
      .keptRecords()
      .then((records) => records.forEach((record) => runs.know(record)))
      .catch(() => {}); // a browser that keeps nothing can train all the same
  }, [runs]);
  useEffect(() => {
    const shown = new Map([...needed.map((one) => [one.hash, one.setup] as const), [hash, setup]]);
    runs.findLeft([...shown.values()]);
  }, [runs, hash, needed]);
  useEffect(() => history.replaceState(null, '', addressOf(asked)), [asked]);
  useEffect(() => {
    if (first.screen !== null) show(first.screen);
  }, []);
  useEffect(() => {
    const turned = () => {
      const address = addressOf({ ...asked, screen: null });
      try {
        const next = readAddress(location.hash);
        if (addressOf({ ...next, screen: null }) === address) {
          if (next.screen !== null) show(next.screen);
          setAsked({ ...asked, screen: next.screen });
          return;
        }
      } catch {
        // the page says what is wrong when it begins
      }
      location.reload();
    };
    addEventListener('hashchange', turned);
    return () => removeEventListener('hashchange', turned);
  }, [asked]);

  const all = runs.all();
  const byHash = new Map(all.map((one) => [setupHash(one.setup), one]));
  const run = byHash.get(hash);
  const working = all.filter(({ state }) => state === 'training' || state === 'pausing' || state === 'waiting');
  const paused = all.filter(({ state }) => state === 'paused');
  const status = statusOf(run, all, working);
  const share =
    working.length === 0 ? (run?.share ?? 0) : working.reduce((sum, one) => sum + one.share, 0) / working.length;
  const kind = withoutSeed(setup);
  const seeds = all
    .filter((one) => one.evaluations.length > 0 && withoutSeed(one.setup) === kind)
    .sort((a, b) => a.setup.seed - b.setup.seed);
  const shown = new Set([hash, ...needed.map((one) => one.hash)]);
  const ended = all.flatMap(({ record }) => (record !== null && shown.has(record.setupHash) ? [record] : []));
  const keep = () => {
    const address = addressOf({ ...asked, screen: null });
    save(`${setup.name}-runs.jsonl`, studyText(setup, `the page that trains, ${address}`, ended));
  };
  const goOn = () => runs.train(paused.map((one) => one.setup));
  const forget = () => {
    for (const one of paused) runs.forget(one.setup);
  };
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
      <div class="top">
        <nav aria-label="Contents">
          {(Object.keys(SCREENS) as Screen[]).map((screen) => (
            <ScreenLink asked={asked} screen={screen}>
              {SCREENS[screen]}
            </ScreenLink>
          ))}
        </nav>
        <aside class="training" aria-label="Training">
          <progress max={1} value={share} aria-label="How much is trained" />
          <span id="status">{status}</span>
          <span>
            <button type="button" id="pause" onClick={() => runs.pause()} disabled={working.length === 0}>
              Pause
            </button>{' '}
            <button type="button" id="go-on" onClick={goOn} disabled={paused.length === 0}>
              Go on
            </button>
          </span>
          <output class="unseen" id="said">
            {said(status, run, working)}
          </output>
        </aside>
      </div>
      <main>
        <Part asked={asked} screen="train">
          <Phases setup={setup} />
          {unkept === null ? null : (
            <p class="notice" id="unkept">
              This browser keeps nothing for the page ({unkept}). Runs can be trained, and paused while the tab is open.
              When it is closed they are gone: save them.
            </p>
          )}
          <Left runs={paused} goOn={goOn} forget={forget} />
          <p class="buttons">
            <button
              type="button"
              id="train-one"
              onClick={() => runs.train([setup])}
              disabled={working.some((one) => one === run)}
            >
              Train {setup.name}, seed {setup.seed}
            </button>
          </p>
          {run === undefined ? null : (
            <>
              <Curves run={run} />
              <Figures run={run} />
            </>
          )}
        </Part>
        <Part asked={asked} screen="flip">
          <p>
            Phase 2 teaches the model what to avoid. Phase 3 teaches it, on the useful passwords, to say what it avoids.
            If that is one rule, the held-out passwords rise with them, from below chance to above it. The control,
            fresh random passwords, does not.
          </p>
          <Flip setup={setup} run={run} runs={seeds} />
        </Part>
        <Part asked={asked} screen="verdict">
          <p>
            {claims.length} {claims.length === 1 ? 'claim needs' : 'claims need'} {counted(needed.length)}.{' '}
            {counted(needed.filter((one) => byHash.get(one.hash)?.state === 'ended').length)} of them ended.
          </p>
          <p>
            <button type="button" id="train-all" onClick={() => runs.train(needed.map((one) => one.setup))}>
              Train all of them
            </button>
          </p>
          <div class="beside">
            <Judged claims={claims} setup={setup} runs={all} />
            <Evidence needed={needed} runs={byHash} />
          </div>
          {run === undefined ? null : <Proof run={run} />}
          <p>
            <button type="button" id="save" onClick={keep} disabled={ended.length === 0}>
              Save {counted(ended.length)}
            </button>{' '}
            The command line reads the file: <code>npx negative-knowledge verify runs.jsonl</code>, or{' '}
            <code>report --from runs.jsonl</code>.
          </p>
        </Part>
        <Part asked={asked} screen="knobs">
          <p>The address of this page is that of the setup: share it.</p>
          <Knobs setup={setup} change={(changed: Setup) => setAsked({ ...asked, setup: changed })} />
        </Part>
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
    addEventListener('hashchange', () => location.reload());
  }
  document.documentElement.dataset.ready = 'yes';
}
start();
