/** The executable: always runs the command line, however it was started. */
import './node-version.cjs';
import { runCli } from './cli.ts';

process.exitCode = 2; // until the command says otherwise
/** The exit code of the command. */
export const code = await runCli(process.argv.slice(2));
process.exitCode = code;
