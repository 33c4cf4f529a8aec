/** A run in a worker of the page: the modules that train it are those of the command line. */
import { startEngine } from '../engine/engine.ts';
import { AT_ONCE } from '../records/execution.ts';
import { headOf, type RunRecord } from '../records/record.ts';
import type { Setup } from '../setup/schema.ts';
import { type TrainerState, trainToEnd } from '../training/trainer.ts';
import type { PageEngine } from './address.ts';
import { describeBrowser } from './environment.ts';
import type { News, Order } from './messages.ts';
import { shareDone } from './progress.ts';

const say = (news: News): void => postMessage(news);

/** Milliseconds between checkpoints, at least. */
const BETWEEN_CHECKPOINTS = 10_000;

class Paused extends Error {}

let pausing = false;

/** Lets what was sent meanwhile arrive. */
const breathe = (): Promise<void> =>
  new Promise((resolve) => {
    const { port1, port2 } = new MessageChannel();
    port1.onmessage = () => resolve();
    port2.postMessage(null);
  });

async function train(setup: Setup, asked: PageEngine | null, from?: TrainerState): Promise<void> {
  const engine = await startEngine(asked ?? undefined, setup.model.hidden);
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
  let record: RunRecord;
  try {
    const outcome = await trainToEnd(setup, { engine, from, execution: AT_ONCE }, async (event) => {
      if (event.kind === 'step') {
        const { evaluation } = event.progress;
        tokens = event.progress.tokens;
        if (evaluation === null) return;
        say({ kind: 'evaluation', evaluation, share: shareDone(setup, event.progress) });
        await breathe();
      } else if (event.kind === 'checkpoint') {
        if (!pausing && performance.now() - kept < BETWEEN_CHECKPOINTS) return;
        const state = await event.state();
        kept = performance.now();
        say({ kind: pausing ? 'paused' : 'checkpoint', checkpoint: { engine: engine.name as PageEngine, state } });
        if (pausing) throw new Paused();
      }
    });
    record = { ...about(), status: 'finished', ...outcome };
  } catch (error) {
    if (error instanceof Paused) return;
    const { name, message } = error as Error;
    record = { ...about(), status: 'failed', error: { name, message } };
  }
  say({ kind: 'ended', record });
}

addEventListener('message', ({ data }: MessageEvent<Order>) => {
  if (data.kind === 'pause') pausing = true;
  else train(data.setup, data.engine, data.from).catch(({ message }: Error) => say({ kind: 'fault', message }));
});
