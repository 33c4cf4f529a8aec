/** Live progress of a job's runs: one line a run on a terminal, plain lines at every evaluation elsewhere. */
import { createLogUpdate } from 'log-update';
import type { RunRecord } from '../runs/record.ts';
import type { Setup } from '../setup/schema.ts';
import type { Evaluation, Progress } from '../training/trainer.ts';

export interface ProgressOptions {
  stream: NodeJS.WriteStream;
  /** Milliseconds; for tests. */
  now?: () => number;
}

interface Running {
  setup: Setup;
  progress: Progress;
  evaluation: Evaluation | null;
  startedAt: number;
}

const REDRAW_EVERY = 200; // milliseconds

/** Sequences a run will be trained on at most: the unit in which the time left is reckoned. */
function work({ batch, phases: { pretrain, dpo, joint } }: Setup): { pretrain: number; dpo: number; joint: number } {
  const kinds =
    (joint.weights.dpo > 0 ? 2 : 0) + (joint.weights.useful > 0 ? 1 : 0) + (joint.weights.random > 0 ? 1 : 0);
  return { pretrain: pretrain.steps * batch, dpo: dpo.steps * batch * 2, joint: joint.steps * batch * kinds };
}

const total = (setup: Setup): number => Object.values(work(setup)).reduce((sum, part) => sum + part, 0);

function done({ setup, progress: { phase, step, steps } }: Running): number {
  const parts = work(setup);
  const before = phase === 'pretrain' ? 0 : phase === 'dpo' ? parts.pretrain : parts.pretrain + parts.dpo;
  return before + parts[phase] * (step / steps);
}

function duration(seconds: number): string {
  if (!Number.isFinite(seconds)) return '-';
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole}s` : `${Math.floor(whole / 60)}m${String(whole % 60).padStart(2, '0')}s`;
}

export class ProgressDisplay {
  readonly #options: Required<ProgressOptions>;
  readonly #running = new Map<Setup, Running>();
  readonly #pending: Set<Setup>;
  readonly #startedAt: number;
  readonly #live: ReturnType<typeof createLogUpdate> | null;
  #sequencesDone = 0;
  #drawnAt = 0;

  constructor(setups: readonly Setup[], options: ProgressOptions) {
    this.#options = { now: () => performance.now(), ...options };
    this.#pending = new Set(setups);
    this.#startedAt = this.#options.now();
    this.#live = options.stream.isTTY ? createLogUpdate(options.stream) : null;
  }

  /** Takes in a run's progress. */
  update(setup: Setup, progress: Progress): void {
    const before = this.#running.get(setup);
    this.#pending.delete(setup);
    const running: Running = {
      setup,
      progress,
      evaluation: progress.evaluation ?? before?.evaluation ?? null,
      startedAt: before?.startedAt ?? this.#options.now(),
    };
    this.#running.set(setup, running);
    if (this.#live === null) {
      if (progress.evaluation !== null) this.#options.stream.write(`${this.#line(running)}\n`);
    } else if (this.#options.now() - this.#drawnAt > REDRAW_EVERY) {
      this.#drawnAt = this.#options.now();
      this.#live([...[...this.#running.values()].map((one) => this.#line(one)), this.#summary()].join('\n'));
    }
  }

  /** Takes in a run's end. */
  end(setup: Setup, record: RunRecord, reused: boolean): void {
    this.#running.delete(setup);
    this.#pending.delete(setup);
    if (!reused) this.#sequencesDone += total(setup);
    const how =
      record.status === 'failed' ? `FAILED: ${record.error.message}` : reused ? 'kept from before' : 'finished';
    const line = `${setup.name} seed ${setup.seed}: ${how} (${duration(record.times.wallSeconds)})`;
    this.#live?.clear();
    this.#options.stream.write(`${line}\n`);
  }

  /** Leaves the terminal clean. */
  stop(): void {
    this.#live?.clear();
    this.#live?.done();
  }

  #line({ setup, progress, evaluation, startedAt }: Running): string {
    const seconds = (this.#options.now() - startedAt) / 1000;
    const rate = (set: 'useful' | 'heldOut' | 'random') => evaluation?.sets[set].guessRate.toFixed(2) ?? '-';
    return [
      `${setup.name} seed ${setup.seed}`,
      `${progress.phase} ${progress.step}/${progress.steps}`,
      `loss ${progress.loss.toFixed(3)}`,
      `guess rate useful ${rate('useful')} held-out ${rate('heldOut')} random ${rate('random')}`,
      `${Math.round(seconds > 0 ? progress.tokens / seconds : 0)} tokens/s`,
      `at most ${duration(this.#secondsLeft())} left`,
    ].join('  ');
  }

  #summary(): string {
    return `${this.#running.size} running, ${this.#pending.size} waiting`;
  }

  /** Phase 3 may end early, so this is an upper bound at the present speed. */
  #secondsLeft(): number {
    const running = [...this.#running.values()];
    const now = this.#sequencesDone + running.reduce((sum, one) => sum + done(one), 0);
    const left =
      running.reduce((sum, one) => sum + total(one.setup) - done(one), 0) +
      [...this.#pending].reduce((sum, setup) => sum + total(setup), 0);
    return (left / now) * ((this.#options.now() - this.#startedAt) / 1000);
  }
}
