/** What a command line writes while it runs in this process. */
import { vi } from 'vitest';
import { runCli } from '../../src/cli/cli.ts';

export async function written(...args: string[]): Promise<{ code: number; out: string; err: string }> {
  const texts = { out: '', err: '' };
  const keep = (name: keyof typeof texts) => (text: string | Uint8Array) => {
    texts[name] += text;
    return true;
  };
  const spies = [
    vi.spyOn(process.stdout, 'write').mockImplementation(keep('out')),
    vi.spyOn(process.stderr, 'write').mockImplementation(keep('err')),
  ];
  try {
    return { code: await runCli(args), ...texts };
  } finally {
    for (const spy of spies) spy.mockRestore();
  }
}
