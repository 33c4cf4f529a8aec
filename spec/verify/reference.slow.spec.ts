/** The committed records, worked out again from their setups, every one; and one of them trained again. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { written } from '../helpers/written.ts';

const RECORDS = path.join('reports', 'records');
const ARCHIVES = ['pocket', 'pocket-memorising', 'pocket-large'].map((name) => path.join(RECORDS, `${name}.jsonl.br`));

describe('the reference records', () => {
  it('hold what their setups give, the committed verdicts follow from them, and one that is trained again ends with the same bits', async () => {
    const { code, out } = await written(
      ...['verify', ...ARCHIVES, '--against', path.join('reports', 'claims.json'), '--json'],
      // The seed picks a run of the engine that every machine has, without DPO, which takes a third of the time.
      ...['--retrain', '1', '--seed', '59'],
    );
    const { records, agrees, checks, differing } = JSON.parse(out);
    expect(differing).toEqual([]);
    expect({ code, records, agrees }).toEqual({ code: 0, records: 960, agrees: true });
    for (const check of ['numbers', 'data', 'overlap'])
      expect(checks[check]).toEqual({ agree: 960, differ: 0, notChecked: 0 });
    expect(checks.verdicts).toEqual({ agree: 41, differ: 0, notChecked: 0 });
    expect(checks.retrained).toEqual({ agree: 1, differ: 0, notChecked: 0 });
  });
});
