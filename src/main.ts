/** The executable: always runs the command line, however it was started. */
import faults from '#faults';

process.exitCode = 2; // until the command says otherwise
const { runCli } = await import('./cli/cli.ts'); // a fault of loading it is answered for by now
faults.end(await runCli(process.argv.slice(2)));
