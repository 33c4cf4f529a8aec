/** A door to the explorer, which draws: only its own command should wait for that. */
import type { ExploreCommand } from './command.ts';

// Not in cli.ts itself: tsx cannot parse a dynamic import in a file that begins with a hash-bang.
export async function explore(command: ExploreCommand): Promise<void> {
  const { exploreCommand } = await import('./command.ts');
  await exploreCommand(command);
}
