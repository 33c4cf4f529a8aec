/** A worker for spec/lab/workers.spec.ts: says where it is and what it reads. */
import { Tinypool } from 'tinypool';
import { sha256Hex } from '../../src/sha256.ts';

export default async function work(text: string): Promise<Record<string, unknown>> {
  process.send?.({ heard: text });
  const { tf } = await import('../../src/engine/engine.ts');
  return {
    place: import.meta.url,
    program: process.argv.concat(process.execArgv),
    digest: sha256Hex(text),
    package: typeof Tinypool,
    later: typeof tf.tensor,
  };
}
