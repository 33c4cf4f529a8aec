/** The committed records, worked out again from their setups, every one; and one of them trained again. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { written } from '../helpers/written.ts';

const RECORDS = path.join('reports', 'records');
const [WASM, NATIVE] = ['pocket', 'pocket-memorising'].map((name) => path.join(RECORDS, `${name}.jsonl.br`));

describe('the reference records', () => {
  it('hold what their setups give, and the committed verdicts follow from them', async () => {
    const { code, out } = await written(
      'verify',
      WASM,
      NATIVE,
      '--against',
      path.join('reports', 'claims.json'),
      '--json',
    );
    const { records, agrees, checks, differing } = JSON.parse(out);
    expect(differing).toEqual([]);
    expect({ code, records, agrees }).toEqual({ code: 0, records: 512, agrees: true });
    for (const check of ['numbers', 'data', 'overlap'])
      expect(checks[check]).toEqual({ agree: 512, differ: 0, notChecked: 0 });
    expect(checks.verdicts).toEqual({ agree: 20, differ: 0, notChecked: 0 });
  });

  it('of the engine wasm end with the same bits where one is trained again here', async () => {
    const { code, out } = await written('verify', WASM, '--retrain', '1', '--seed', '2', '--json');
    const { records, checks, differing } = JSON.parse(out);
    expect(differing).toEqual([]);
    expect({ code, records }).toEqual({ code: 0, records: 80 });
    expect(checks.data).toEqual({ agree: 80, differ: 0, notChecked: 0 });
    expect(checks.retrained).toEqual({ agree: 1, differ: 0, notChecked: 0 });
  });
});
