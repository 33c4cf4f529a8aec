/** The runs of a page: each in a worker, as many at once as the machine has cores to spare. */
import type { RunRecord } from '../records/record.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import type { PageEngine } from './address.ts';
import type { Evaluation, News, Order } from './messages.ts';

export interface Run {
  readonly setup: Setup;
  readonly state: 'waiting' | 'training' | 'pausing' | 'paused' | 'ended' | 'stopped';
  readonly evaluations: readonly Evaluation[];
  /** Of all steps, how many are done. */
  readonly share: number;
  /** When this page began to train it, and how much was done then. */
  readonly since: { readonly time: number; readonly share: number } | null;
  readonly record: RunRecord | null;
  /** Why it stopped, where the browser could not train it. */
  readonly fault: string | null;
}

export class Runs {
  readonly #runs = new Map<string, Run>();
  readonly #workers = new Map<string, Worker>();
  readonly #startWorker: () => Worker;
  readonly #changed: () => void;
  readonly #engine: PageEngine | null;

  /** @param changed is called after every change @param engine trains them; null: by their width */
  constructor(startWorker: () => Worker, changed: () => void, engine: PageEngine | null) {
    this.#startWorker = startWorker;
    this.#changed = changed;
    this.#engine = engine;
  }

  all(): readonly Run[] {
    return [...this.#runs.values()];
  }

  of(setup: Setup): Run | undefined {
    return this.#runs.get(setupHash(setup));
  }

  /** A run that ended before, in this browser. */
  know(record: RunRecord): void {
    if (this.#engine !== null && record.engine.name !== this.#engine) return;
    const { evaluations } = record.status === 'finished' ? record : { evaluations: [] };
    this.#runs.set(record.setupHash, {
      ...begun(record.setup as Setup),
      state: 'ended',
      evaluations,
      share: 1,
      record,
    });
    this.#changed();
  }

  /** Trains these, those that wait or were paused as well. */
  train(setups: readonly Setup[]): void {
    for (const setup of setups) {
      const run = this.of(setup) ?? begun(setup);
      if (['paused', 'stopped', 'waiting'].includes(run.state)) this.#put({ ...run, state: 'waiting', fault: null });
    }
    this.#begin();
  }

  /** Lets every run come to its next checkpoint and stops there. */
  pause(): void {
    for (const run of this.all()) {
      if (run.state === 'waiting') this.#put({ ...run, state: 'paused' });
      if (run.state !== 'training') continue;
      this.#order(run.setup, { kind: 'pause' });
      this.#put({ ...run, state: 'pausing' });
    }
  }

  #order(setup: Setup, order: Order): void {
    this.#workers.get(setupHash(setup))?.postMessage(order);
  }

  #put(run: Run): void {
    this.#runs.set(setupHash(run.setup), run);
    this.#changed();
  }

  /** One core stays with the page. */
  #begin(): void {
    const cores = Math.max(1, navigator.hardwareConcurrency - 1);
    for (const run of this.all().filter(({ state }) => state === 'waiting')) {
      if (this.#workers.size >= cores) return;
      const worker = this.#startWorker();
      this.#workers.set(setupHash(run.setup), worker);
      worker.onmessage = ({ data }: MessageEvent<News>) => this.#hear(run.setup, data);
      worker.onerror = ({ message }) => this.#hear(run.setup, { kind: 'fault', message });
      this.#put({ ...run, state: 'training', since: null });
      this.#order(run.setup, { kind: 'train', setup: run.setup, engine: this.#engine });
    }
  }

  #hear(setup: Setup, news: News): void {
    const run = this.of(setup) as Run;
    if (news.kind === 'evaluations') {
      const since = run.since ?? { time: performance.now(), share: news.share };
      // A run that goes on from a checkpoint begins with what was known there.
      const evaluations = news.evaluations.length > 1 ? news.evaluations : [...run.evaluations, ...news.evaluations];
      this.#put({ ...run, evaluations, share: news.share, since });
      return;
    }
    this.#workers.get(setupHash(setup))?.terminate();
    this.#workers.delete(setupHash(setup));
    if (news.kind === 'paused') this.#put({ ...run, state: 'paused', since: null });
    else if (news.kind === 'fault') this.#put({ ...run, state: 'stopped', fault: news.message, since: null });
    else this.#put({ ...run, state: 'ended', record: news.record, share: 1, since: null });
    this.#begin();
  }
}

const begun = (setup: Setup): Run => ({
  setup,
  state: 'waiting',
  evaluations: [],
  share: 0,
  since: null,
  record: null,
  fault: null,
});

/** Seconds that a run still takes at its pace so far; null before it has one. */
export function secondsLeft({ share, since }: Run): number | null {
  if (since === null || share <= since.share) return null;
  const seconds = (performance.now() - since.time) / 1000;
  return (seconds * (1 - share)) / (share - since.share);
}
