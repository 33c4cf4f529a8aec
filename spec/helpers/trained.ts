/** Small runs trained for specs, as the program itself trains them. */
import { startEngine } from '../../src/engine/engine.ts';
import { run } from '../../src/lab/run.ts';
import { RunStore } from '../../src/lab/store.ts';
import { AT_ONCE, type Execution } from '../../src/records/execution.ts';
import type { WholeRun } from '../../src/records/record.ts';
import { noteStudy } from '../../src/records/study.ts';
import type { Setup } from '../../src/setup/schema.ts';
import { tinySetup } from './setups.ts';

/** Tiny, with passwords long enough that none resembles another by chance. */
export const studySetup = (seed = 0, change: (setup: Setup) => void = () => {}): Setup =>
  tinySetup((setup) => {
    setup.seed = seed;
    setup.passwords.length = 6;
    change(setup);
  });

/** Fills a folder as `reproduce` does, and gives its records. */
export async function fillFolder(
  folder: string,
  setups: readonly Setup[],
  keepModel = false,
  execution: Execution = AT_ONCE,
): Promise<WholeRun[]> {
  const engine = await startEngine();
  const store = new RunStore(folder);
  await store.open();
  try {
    if (setups.length > 0) await noteStudy(folder, studySetup(), 'npm run reproduce', execution);
    const records: WholeRun[] = [];
    for (const setup of setups) {
      const { record } = await run(setup, engine, store, { keepModel, execution });
      records.push(JSON.parse(JSON.stringify(record))); // each with an engine and an environment of its own
    }
    return records;
  } finally {
    store.close();
  }
}
