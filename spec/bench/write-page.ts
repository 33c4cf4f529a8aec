/** `npm run bench -- page`: writes reports/speed.md from reports/bench.json, and measures nothing. */
import { writePage } from './report.ts';

writePage();
process.stdout.write('reports/speed.md\n');
