/** A door to the report command: figures and page take a second to load, which no other command should wait for. */
import type { ReportOptions } from './command.ts';

// Not in cli.ts itself: tsx cannot parse a dynamic import in a file that begins with a hash-bang.
export async function report(options: ReportOptions, command: string): Promise<void> {
  const { report: carryOut } = await import('./command.ts');
  await carryOut(options, command);
}
