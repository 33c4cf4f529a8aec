/** What happens in a job, as it happens: one line of JSON an event in its folder's `events.jsonl`, which is only ever added to. */
import { appendFileSync } from 'node:fs';
import path from 'node:path';
import type { Phase } from '../passwords/roles.ts';
import { readTextIfThere } from '../records/bounded.ts';

export const EVENTS = 'events.jsonl';

/** Guess rates (1 = chance) of the scored sets. */
export type Rates = Readonly<Record<'useful' | 'heldOut' | 'random', number>>;

/** @property run as the file of its record is called */
export type JobEvent =
  | { readonly event: 'started'; readonly runs: number }
  | {
      readonly event: 'evaluated';
      readonly run: string;
      readonly phase: Phase;
      readonly step: number;
      readonly steps: number;
      readonly loss: number;
      readonly guessRates: Rates;
    }
  | {
      readonly event: 'run-ended';
      readonly run: string;
      readonly status: 'finished' | 'failed';
      readonly kept: boolean;
    }
  | { readonly event: 'ended'; readonly finished: number; readonly failed: number };

/** Adds events. Where it cannot, it says so once and goes on: the records are what a result rests on. */
export class EventLog {
  readonly #file: string;
  readonly #warn: (text: string) => void;
  #begun = false;
  #told = false;

  constructor(folder: string, warn = (text: string) => void process.stderr.write(`warning: ${text}\n`)) {
    this.#file = path.join(folder, EVENTS);
    this.#warn = warn;
  }

  add(event: JobEvent): void {
    try {
      if (!this.#begun) this.#begin();
      this.#begun = true;
      appendFileSync(this.#file, `${JSON.stringify({ time: new Date().toISOString(), ...event })}\n`);
    } catch (error) {
      if (!this.#told)
        this.#warn(`${this.#file} cannot be added to (${(error as Error).message}); the runs go on without it`);
      this.#told = true;
    }
  }

  /**
   * Ends a line that a process left in the middle of, so that the next event has a line of its own.
   * @throws Error where the file is someone else's
   */
  #begin(): void {
    const text = readTextIfThere(this.#file) ?? '';
    if (text === '') return;
    if (!/^\{"time":"[^"]*","event":/.test(text)) throw new Error('it was not written by a job');
    if (!text.endsWith('\n')) appendFileSync(this.#file, '\n');
  }
}

/** The events of a job so far; a last line that is not whole is still being written, or was cut off. */
export function readEvents(folder: string): (JobEvent & { readonly time: string })[] {
  const lines = (readTextIfThere(path.join(folder, EVENTS)) ?? '').split('\n');
  return lines.flatMap((line) => {
    try {
      return [JSON.parse(line)];
    } catch {
      return [];
    }
  });
}
