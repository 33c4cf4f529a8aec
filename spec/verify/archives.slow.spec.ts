/** `verify` on parts of the committed archives. */
import path from 'node:path';
import { describe, expect, it } from 'vitest';
import { changed, linesOf, scale } from '../helpers/archives.ts';
import { written } from '../helpers/written.ts';

const WASM = path.join('reports', 'records', 'pocket.jsonl.br');
/** Its records are of version 2, whose overlaps are rates. */
const OLDER = path.join('reports', 'records', 'pocket-memorising.jsonl.br');

const verify = (file: string) => written('verify', file);

describe('an archive of the reference report', () => {
  it('agrees in part as well', async () => {
    const { code, out } = await verify(changed(linesOf(WASM), () => {}));
    expect(out).toMatch(/│ data +│ 1 +│ 0 +│ 0 /);
    expect(code).toBe(0);
  });

  it('fails where a letter of one run is a little likelier', async () => {
    const { code, out } = await verify(
      changed(linesOf(WASM), (run) => scale(run.snapshots[1].sets.heldOut.logProbabilities, 0.99)),
    );
    expect(out).toMatch(/\d+ checks? differ/);
    expect(code).toBe(1);
  });

  it('of records of version 2 agrees, and fails where one has a little more overlap', async () => {
    const older = linesOf(OLDER);
    expect((await verify(changed(older, () => {}))).code).toBe(0);
    const more = changed(older, (run) => {
      run.overlap[2].control += 0.02;
    });
    const { code, out } = await verify(more);
    expect(out).toMatch(/seed 101: overlap: .* control matches \(3 letters\) are recorded, .*: 1 checks? differ/s);
    expect(code).toBe(1);
  });
});
