/** The processes that train the runs of a job. */
import { Tinypool } from 'tinypool';
import { expect, it, onTestFinished, vi } from 'vitest';
import { startEngine } from '../../src/engine/engine.ts';
import { runAll } from '../../src/lab/pool.ts';
import { RunStore } from '../../src/lab/store.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { tinySetup } from '../helpers/setups.ts';

// A run that waits in the pool when its processes die is never begun: spec/cli/cli.slow.spec.ts kills one.
it('are never given more runs than they can take up at once', async () => {
  const given = Tinypool.prototype.run;
  let now = 0;
  let most = 0;
  const counted = vi.spyOn(Tinypool.prototype, 'run').mockImplementation(async function (this: Tinypool, ...task) {
    most = Math.max(most, ++now);
    return given.apply(this, task).finally(() => now--);
  });
  onTestFinished(() => counted.mockRestore());
  const store = new RunStore(temporaryFolder());
  await store.open();
  onTestFinished(() => store.close());
  const setups = [1, 2, 3].map((seed) => ({ ...tinySetup(), seed }));
  const runs = await runAll(setups, { engine: await startEngine(), store, jobs: 1 });
  expect(runs.map(({ record }) => [record.setup.seed, record.status])).toEqual([
    [1, 'finished'],
    [2, 'finished'],
    [3, 'finished'],
  ]);
  expect(most, 'runs given at once').toBe(1);
});
