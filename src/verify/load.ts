/** A door to the command `verify`, which no other command should wait for. */
import type { VerifyOptions } from './command.ts';

// Not in cli.ts itself: tsx cannot parse a dynamic import in a file that begins with a hash-bang.
export async function verify(options: VerifyOptions): Promise<boolean> {
  const { verify: carryOut } = await import('./command.ts');
  return carryOut(options);
}
