/** Reading a large model takes little more memory than its weights. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { expect, it } from 'vitest';
import { PRESETS } from '../../src/setup/presets.ts';
import { temporaryFolder } from '../helpers/folder.ts';
import { TOKENIZER_FOLDER } from '../helpers/model.ts';

it('memory while a model is read never exceeds 1.3 times its float32 weights', () => {
  // 244 MB of weights, beside which what Node takes for itself is little, in a process of its own whose peak is measured
  // before and after.
  const large = path.join(temporaryFolder(), 'large');
  const program = `
    const { saveModel, loadPretrained } = await import('./src/model/pretrained.ts');
    const { parameterSpecifications, parameterCount } = await import('./src/model/parameters.ts');
    const setup = JSON.parse(process.argv[2]);
    if (process.argv[1] === 'save') {
      const values = new Map(parameterSpecifications(setup).map(({ name, shape }) =>
        [name, new Float32Array(shape.reduce((size, side) => size * side, 1)).fill(0.5)]));
      saveModel(setup.model.pretrained, setup, values, ${JSON.stringify(TOKENIZER_FOLDER)});
    } else {
      globalThis.gc();
      const { readFileSync, writeFileSync } = await import('node:fs');
      // What loading the program took at its most is no part of it: Linux forgets its peak when told so.
      try { writeFileSync('/proc/self/clear_refs', '5'); } catch {}
      const highest = () => {
        try { return 1024 * Number(/VmHWM:\\s*(\\d+)/.exec(readFileSync('/proc/self/status', 'utf8'))[1]); }
        catch { return process.resourceUsage().maxRSS * 1024; }
      };
      const before = process.memoryUsage.rss();
      const values = loadPretrained(setup, setup.model.pretrained);
      const peak = highest();
      console.log(JSON.stringify({ values: values.size, ratio: (peak - before) / (4 * parameterCount(setup)) }));
    }`;
  const model = {
    ...PRESETS['pocket-memorising'].model,
    hidden: 768,
    heads: 12,
    layers: 6,
    vocabulary: 12_000,
    pretrained: large,
  };
  const run = (what: string) =>
    execFileSync(
      process.execPath,
      [
        '--expose-gc',
        '--import',
        'tsx',
        '--input-type=module',
        '--eval',
        program,
        what,
        JSON.stringify({ ...PRESETS['pocket-memorising'], model }),
      ],
      { encoding: 'utf8' },
    );
  run('save');
  const { values: read, ratio } = JSON.parse(run('load'));
  expect(read).toBe(76);
  expect(ratio).toBeGreaterThan(0.9);
  expect(ratio).toBeLessThan(1.3);
});
