/** Live progress of a job's runs: one line a run on a terminal, plain lines at every evaluation elsewhere. */
import { createLogUpdate } from 'log-update';
import type { Heard } from '../lab/executor.ts';
import { PHASES } from '../passwords/roles.ts';
import type { WorkerEntry } from '../queue/registry.ts';
import { workersText } from '../queue/status.ts';
import { totalWork, workOf } from '../recipe/work.ts';
import type { RunRecord } from '../records/record.ts';
import { oneLine } from '../report/escape.ts';
import type { Setup } from '../setup/schema.ts';

interface Running {
  setup: Setup;
  progress: Heard;
  evaluation: Heard['evaluation'];
  startedAt: number;
}

const REDRAW_EVERY = 200; // milliseconds

/** Runs that are shown at once: a queue may have hundreds at work. */
const MOST_LINES = 24;

function done({ setup, progress: { phase, step, steps } }: Running): number {
  const parts = workOf(setup);
  const before = PHASES.slice(0, PHASES.indexOf(phase)).reduce((sum, earlier) => sum + parts[earlier], 0);
  return before + parts[phase] * (step / steps);
}

/** Seconds and steps that have to pass before a time left is shown: the first steps are slower than the others. */
const SEEN = { seconds: 5, steps: 20 } as const;

function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-';
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
}

export class ProgressDisplay {
  readonly #stream: NodeJS.WriteStream;
  readonly #now: () => number;
  readonly #running = new Map<Setup, Running>();
  readonly #pending: Set<Setup>;
  #ended = 0;
  #failed = 0;
  /** What other machines have in hand. */
  #workers = '';
  readonly #live: ReturnType<typeof createLogUpdate> | null;
  /** Work of the runs that ended here. */
  #workDone = 0;
  /** Work that the runs had behind them when each was first heard of. */
  #workBefore = 0;
  #firstStepAt: number | null = null;
  /** Steps heard of. */
  #steps = 0;
  #drawnAt = 0;

  /** @param now milliseconds; for tests */
  constructor(setups: readonly Setup[], stream: NodeJS.WriteStream, now = () => performance.now()) {
    this.#stream = stream;
    this.#now = now;
    this.#pending = new Set(setups);
    this.#live = stream.isTTY ? createLogUpdate(stream) : null;
  }

  /** Takes in a run's progress. */
  update(setup: Setup, progress: Heard): void {
    const before = this.#running.get(setup);
    this.#pending.delete(setup);
    const running: Running = {
      setup,
      progress,
      evaluation: progress.evaluation ?? before?.evaluation ?? null,
      startedAt: before?.startedAt ?? this.#now(),
    };
    this.#running.set(setup, running);
    this.#steps += 1;
    this.#firstStepAt ??= this.#now();
    if (before === undefined) this.#workBefore += done(running);
    if (this.#live === null) {
      if (progress.evaluation !== null) this.#stream.write(`${this.#line(running)}\n`);
    } else if (this.#now() - this.#drawnAt > REDRAW_EVERY) {
      this.#drawnAt = this.#now();
      const left = this.#secondsLeft();
      const lines = [
        ...[...this.#running.values()].slice(0, MOST_LINES).map((one) => this.#parts(one).join('  ')),
        this.#counts(left),
        ...(this.#workers === '' ? [] : [this.#workers]),
      ];
      // A line that wraps would not be drawn over.
      const width = (this.#stream.columns || 80) - 1;
      this.#live(lines.map((line) => line.slice(0, width)).join('\n'));
    }
  }

  /** Takes in what the workers of a queue do. */
  readonly note = (workers: readonly WorkerEntry[]): void => {
    this.#workers = workersText(workers);
  };

  /** Takes in a run's end. */
  end(setup: Setup, record: RunRecord, reused: boolean): void {
    const running = this.#running.get(setup);
    this.#running.delete(setup);
    this.#pending.delete(setup);
    this.#ended += 1;
    if (record.status === 'failed') this.#failed += 1;
    if (running !== undefined) this.#workDone += done(running); // not its total: phase 3 may have ended early
    const how =
      record.status === 'failed'
        ? `FAILED: ${oneLine(record.error.message)}`
        : reused
          ? 'kept from before'
          : 'finished';
    this.#live?.clear();
    this.#stream.write(`${setup.name} seed ${setup.seed}: ${how} (${duration(record.times.wallSeconds)})\n`);
  }

  #counts(left: number | null): string {
    const ended = `${this.#ended} ended${this.#failed > 0 ? `, ${this.#failed} of them FAILED` : ''}`;
    const time = left === null ? '' : `, at most ${duration(left)} left`;
    return `${ended}, ${this.#running.size} running, ${this.#pending.size} waiting${time}`;
  }

  /** Leaves the terminal clean. */
  stop(): void {
    this.#live?.clear();
    this.#live?.done();
  }

  /** What matters most first: a narrow terminal cuts the end off. */
  #parts({ setup, progress, evaluation, startedAt }: Running): string[] {
    const seconds = (this.#now() - startedAt) / 1000;
    const rate = (set: 'useful' | 'heldOut' | 'random') => evaluation?.sets[set].guessRate.toFixed(2) ?? '-';
    return [
      `${setup.name} seed ${setup.seed}`,
      `${progress.phase} ${progress.step}/${progress.steps}`,
      `held-out ${rate('heldOut')} useful ${rate('useful')} control ${rate('random')}`,
      `loss ${progress.loss.toFixed(3)}`,
      `${Math.round(seconds > 0 ? progress.tokens / seconds : 0)} tokens/s`,
    ];
  }

  #line(running: Running): string {
    const left = this.#secondsLeft();
    return [...this.#parts(running), ...(left === null ? [] : [`at most ${duration(left)} left`])].join('  ');
  }

  /**
   * An upper bound, because phase 3 may end early, at the speed since the first step was heard of; null before enough steps
   * were. Work that a resumed run did in an earlier process does not count as speed.
   */
  #secondsLeft(): number | null {
    const running = [...this.#running.values()];
    const now = this.#workDone + running.reduce((sum, one) => sum + done(one), 0);
    const seen = now - this.#workBefore;
    const seconds = (this.#now() - (this.#firstStepAt ?? Number.POSITIVE_INFINITY)) / 1000;
    if (!(seconds >= SEEN.seconds) || this.#steps < SEEN.steps || !(seen > 0)) return null;
    const left =
      running.reduce((sum, one) => sum + totalWork(one.setup) - done(one), 0) +
      [...this.#pending].reduce((sum, setup) => sum + totalWork(setup), 0);
    return (left / seen) * seconds;
  }
}
