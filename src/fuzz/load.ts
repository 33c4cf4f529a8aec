/** A door to the fuzzer, which loads fast-check: only its own command should wait for that. */
import type { FuzzCommand } from './command.ts';

// Not in cli.ts itself: tsx cannot parse a dynamic import in a file that begins with a hash-bang.
export async function loadFuzz() {
  const [{ fuzzCommand }, { PROPERTIES }] = await Promise.all([import('./command.ts'), import('./kinds.ts')]);
  return { run: (command: FuzzCommand) => fuzzCommand(command), ids: PROPERTIES.map(({ id }) => id) };
}
