/** A worker for spec/lab/workers.spec.ts: says where it is and what it reads. */
import { Tinypool } from 'tinypool';
import { sha256Hex } from '../../src/sha256.ts';

/** Whether this process can load TypeScript by itself. */
const readsTypeScript = (file: string): Promise<boolean> =>
  import(file).then(
    () => true,
    () => false,
  );

export default async function work(text: string): Promise<Record<string, unknown>> {
  process.send?.({ heard: text });
  const { tf } = await import('../../src/engine/engine.ts');
  return {
    place: import.meta.url,
    digest: sha256Hex(text),
    package: typeof Tinypool,
    later: typeof tf.tensor,
    readsTypeScript: await readsTypeScript(new URL('../../src/sha256.ts', import.meta.url).href),
  };
}
