/** The runs of a page: each in a worker, as many at once as the machine has cores to spare. */
import type { RunRecord } from '../records/record.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { PAGE_ENGINES, type PageEngine } from './address.ts';
import type { Checkpoint, Evaluation, News, Order } from './messages.ts';
import { shareDone } from './progress.ts';

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
  /** Why what was done before the pause is gone with the tab, where the browser did not keep it. */
  readonly unkept: string | null;
}

/**
 * What outlives the tab. The page keeps it and not the worker: of a page that was opened as a file, WebKit gives each worker a
 * storage of its own, in which the next one finds nothing.
 */
export interface Shelf {
  readCheckpoint(hash: string, engines: readonly PageEngine[]): Promise<Checkpoint | undefined>;
  /** @throws where the browser keeps nothing */
  keepCheckpoint(hash: string, checkpoint: Checkpoint): Promise<void>;
  /** @throws as keepCheckpoint */
  forgetCheckpoint(hash: string, engines: readonly PageEngine[]): Promise<void>;
  /** @throws as keepCheckpoint */
  keepRecord(record: RunRecord): Promise<void>;
}

export class Runs {
  readonly #runs = new Map<string, Run>();
  /** Of paused runs that the browser did not keep. */
  readonly #unkept = new Map<string, Checkpoint>();
  readonly #shelf: Shelf;
  readonly #engine: PageEngine | null;
  readonly #workers = new Map<string, Worker>();
  readonly #startWorker: () => Worker;
  readonly #changed: () => void;

  /** @param changed is called after every change @param engine trains them; null: by their width */
  constructor(startWorker: () => Worker, shelf: Shelf, changed: () => void, engine: PageEngine | null) {
    this.#engine = engine;
    this.#shelf = shelf;
    this.#startWorker = startWorker;
    this.#changed = changed;
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

  /** Of these, those that were left before their end, in this browser, maybe by a tab that was closed. */
  async findLeft(setups: readonly Setup[]): Promise<void> {
    for (const setup of setups) {
      const found = await this.#shelf.readCheckpoint(setupHash(setup), this.#engines());
      if (found === undefined || this.of(setup) !== undefined) continue;
      const { state } = found;
      const { evaluations } = state.history;
      this.#put({ ...begun(setup), state: 'paused', evaluations, share: shareDone(setup, state) });
    }
  }

  #engines(): readonly PageEngine[] {
    return this.#engine === null ? PAGE_ENGINES : [this.#engine];
  }

  /** Forgets a run that is not at work, which begins anew when it is trained again. */
  forget(setup: Setup): void {
    const hash = setupHash(setup);
    this.#runs.delete(hash);
    this.#unkept.delete(hash);
    this.#shelf.forgetCheckpoint(hash, this.#engines()).catch(() => {}); // then there is none
    this.#changed();
  }

  /** Trains these, those that wait or were paused as well. */
  train(setups: readonly Setup[]): void {
    for (const setup of setups) {
      const run = this.of(setup) ?? begun(setup);
      if (['paused', 'stopped', 'waiting'].includes(run.state))
        this.#put({ ...run, state: 'waiting', fault: null, unkept: null });
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
      this.#send(run.setup);
    }
  }

  /** Lets a worker begin, or go on where the run was left. */
  async #send(setup: Setup): Promise<void> {
    const hash = setupHash(setup);
    const left = this.#unkept.get(hash) ?? (await this.#shelf.readCheckpoint(hash, this.#engines()));
    this.#unkept.delete(hash);
    const from = left?.state;
    const share = from === undefined ? 0 : shareDone(setup, from);
    const evaluations = from?.history.evaluations ?? [];
    const run = this.of(setup) as Run;
    this.#put({ ...run, evaluations, share, since: { time: performance.now(), share } });
    this.#order(setup, { kind: 'train', setup, engine: left?.engine ?? this.#engine, from });
  }

  #hear(setup: Setup, news: News): void {
    const run = this.of(setup) as Run;
    if (news.kind === 'evaluation') {
      this.#put({ ...run, evaluations: [...run.evaluations, news.evaluation], share: news.share });
      return;
    }
    const hash = setupHash(setup);
    if (news.kind === 'checkpoint') {
      this.#shelf.keepCheckpoint(hash, news.checkpoint).catch(() => {}); // it is said where it matters: at a pause
      return;
    }
    this.#workers.get(hash)?.terminate();
    this.#workers.delete(hash);
    if (news.kind === 'paused') this.#keepPaused(run, news.checkpoint);
    else if (news.kind === 'fault') this.#put({ ...run, state: 'stopped', fault: news.message, since: null });
    else {
      this.#put({ ...run, state: 'ended', record: news.record, share: 1, since: null });
      this.#shelf.keepRecord(news.record).catch(() => {}); // the page has it, and offers it as a file
    }
    this.#begin();
  }

  /** A browser that keeps nothing can pause as well, for as long as the tab is open. */
  async #keepPaused(run: Run, checkpoint: Checkpoint): Promise<void> {
    const hash = setupHash(run.setup);
    const unkept = await this.#shelf.keepCheckpoint(hash, checkpoint).then(
      () => null,
      ({ message }: Error) => message,
    );
    if (unkept !== null) this.#unkept.set(hash, checkpoint);
    this.#put({ ...run, state: 'paused', unkept, since: null });
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
  unkept: null,
});

/** Of all steps, how many a run takes in a second; 0 before that is known. */
function pace({ share, since }: Run): number {
  const seconds = since === null ? 0 : (performance.now() - since.time) / 1000;
  return since === null || seconds <= 0 ? 0 : (share - since.share) / seconds;
}

/** Seconds until all of these have ended, at the pace of those at work; null before they have one. */
export function secondsLeft(runs: readonly Run[]): number | null {
  const paces = runs.map(pace);
  const together = paces.reduce((sum, one) => sum + one, 0);
  if (together === 0) return null;
  const all = runs.reduce((sum, { share }) => sum + 1 - share, 0) / together;
  // The last of them are trained with cores to spare.
  return Math.max(all, ...runs.map(({ share }, index) => (paces[index] === 0 ? 0 : (1 - share) / paces[index])));
}
