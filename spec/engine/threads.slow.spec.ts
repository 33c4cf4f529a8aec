import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';
import { ENGINE_VARIABLE } from '../../src/engine/engine.ts';
import {
  BETWEEN_OPERATIONS,
  dividedInWords,
  threadVariables,
  WITHIN_OPERATIONS,
} from '../../src/engine/native/threads.ts';
import { FAMILIES } from '../../src/setup/schema.ts';
import { ENGINES_HERE } from '../helpers/engines.ts';
import { asLlama, tinySetup } from '../helpers/setups.ts';

describe('threads', () => {
  it('divide the operations of wide models alone, and run operations side by side for all', () => {
    expect(threadVariables(64, 4)).toEqual({ [WITHIN_OPERATIONS]: '1', [BETWEEN_OPERATIONS]: '4' });
    expect(threadVariables(768, 4)).toEqual({ [WITHIN_OPERATIONS]: '4', [BETWEEN_OPERATIONS]: '4' });
  });

  it('that an operation is divided among are named in a record: on some processors the last digits depend on them', () => {
    expect([dividedInWords('2'), dividedInWords('16')]).toEqual([
      ', operations divided among 2 threads',
      ', operations divided among 16 threads',
    ]);
    for (const undivided of ['1', '', undefined]) expect(dividedInWords(undivided)).toBe('');
  });
});

/** Trains the setup on standard input, and prints the digest of its parameters. */
const PROGRAM = `
  import { readFileSync } from 'node:fs';
  import { startEngine } from './src/engine/engine.ts';
  import { trainToEnd } from './src/training/trainer.ts';
  const engine = await startEngine();
  console.log((await trainToEnd(JSON.parse(readFileSync(0, 'utf8')), { engine })).parametersDigest);`;

describe.runIf(ENGINES_HERE.includes('native'))('a run on native', () => {
  it.each(
    FAMILIES,
  )('of %s has the same parameters to the bit however many operations run side by side, and twice alike where one is divided', (family) => {
    const setup = tinySetup((draft) => {
      draft.batch = 16;
      Object.assign(draft.model, { hidden: 256, heads: 4, vocabulary: 3000 });
      if (family === 'llama') asLlama(draft, { keyValueHeads: 2 });
      for (const phase of Object.values(draft.phases)) phase.steps = 2;
    });
    const digests = [
      ['1', '1'],
      ['1', '4'],
      ['1', '2'],
      ['2', '2'],
      ['2', '2'],
      ['2', '1'],
    ].map(([within, between]) => {
      const { stdout, stderr } = spawnSync(
        process.execPath,
        ['--import', 'tsx', '--input-type=module', '-e', PROGRAM],
        {
          cwd: fileURLToPath(new URL('../..', import.meta.url)),
          env: {
            ...process.env,
            [ENGINE_VARIABLE]: 'native',
            [WITHIN_OPERATIONS]: within,
            [BETWEEN_OPERATIONS]: between,
          },
          input: JSON.stringify(setup),
          encoding: 'utf8',
        },
      );
      expect(stdout, stderr).toMatch(/^[0-9a-f]{64}\n$/);
      return stdout;
    });
    expect(new Set(digests.slice(0, 3)).size, 'undivided').toBe(1);
    expect(new Set(digests.slice(3)).size, 'divided among two threads').toBe(1);
  });
});
