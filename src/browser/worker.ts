/** A run in a worker of the page: the modules that train it are those of the command line. */
import { startEngine } from '../engine/engine.ts';
import { PHASES } from '../passwords/roles.ts';
import { AT_ONCE } from '../records/execution.ts';
import { headOf, type RunRecord } from '../records/record.ts';
import { setupHash } from '../setup/hash.ts';
import type { Setup } from '../setup/schema.ts';
import { type Progress, trainToEnd } from '../training/trainer.ts';
import type { PageEngine } from './address.ts';
import { describeBrowser } from './environment.ts';
import { keepCheckpoint, keepRecord, readCheckpoint } from './keep.ts';
import type { News, Order } from './messages.ts';

const say = (news: News): void => postMessage(news);

/** Milliseconds between checkpoints, at least. */
const BETWEEN_CHECKPOINTS = 10_000;

class Paused extends Error {}

/** A pause was asked for, and the browser did not keep what was done. */
class Unkept extends Error {}

let pausing = false;

/** Lets what was sent meanwhile arrive. */
const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve();
    port2.postMessage(null);
  });

async function train(setup: Setup, asked: PageEngine | null): Promise<void> {
  const engine = await startEngine(asked ?? undefined, setup.model.hidden);
  const run = { hash: setupHash(setup), engine: engine.name };
  const from = await readCheckpoint(run);
  const all = PHASES.reduce((sum, phase) => sum + setup.phases[phase].steps, 0);
  const before = (phase: Progress['phase']) =>
    PHASES.slice(0, PHASES.indexOf(phase)).reduce((sum, earlier) => sum + setup.phases[earlier].steps, 0);
  const startedAt = new Date();
  const began = performance.now();
  let [tokens, kept] = [0, began];
  const about = () => {
    const wallSeconds = Math.round(performance.now() - began) / 1000;
    const times = {
      startedAt: startedAt.toISOString(),
      finishedAt: new Date().toISOString(),
      wallSeconds,
      cpuSeconds: wallSeconds, // one core; a browser tells no more
      tokensPerSecond: wallSeconds > 0 ? tokens / wallSeconds : 0,
      resumed: from !== undefined,
    };
    return headOf(setup, engine, AT_ONCE, describeBrowser(), times);
  };
  if (from !== undefined) {
    const share = (before(from.phase) + from.step) / all;
    say({ kind: 'evaluations', evaluations: from.history.evaluations, share });
  }
  let record: RunRecord;
  try {
    const outcome = await trainToEnd(setup, { engine, from, execution: AT_ONCE }, async (event) => {
      if (event.kind === 'step') {
        const { phase, step, evaluation } = event.progress;
        tokens = event.progress.tokens;
        if (evaluation === null) return;
        say({ kind: 'evaluations', evaluations: [evaluation], share: (before(phase) + step) / all });
        await breathe();
      } else if (event.kind === 'checkpoint') {
        if (!pausing && performance.now() - kept < BETWEEN_CHECKPOINTS) return;
        // A browser that keeps nothing can train all the same, but it cannot pause.
        const fault = await keepCheckpoint(run, await event.state()).then(
          () => null,
          (error: Error) => error,
        );
        kept = performance.now();
        if (pausing) throw fault === null ? new Paused() : new Unkept(fault.message);
      }
    });
    record = { ...about(), status: 'finished', ...outcome };
  } catch (error) {
    if (error instanceof Paused) {
      say({ kind: 'paused' });
      return;
    }
    if (error instanceof Unkept) throw new Error(`the browser did not keep what was done: ${error.message}`);
    const { name, message } = error as Error;
    record = { ...about(), status: 'failed', error: { name, message } };
  }
  await keepRecord(record).catch(() => {}); // the page has it, and offers it as a file
  say({ kind: 'ended', record });
}

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  if (data.kind === 'pause') pausing = true;
  else train(data.setup, data.engine).catch(({ message }: Error) => say({ kind: 'fault', message }));
});
