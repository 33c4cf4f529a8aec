/**
 * `npm run bench`: speed, measured and not asserted. Every engine that starts here (or the forced one), each in a
 * process of its own so that none inherits another's memory; prints a table and writes reports/bench.json.
 */
import { spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { ENGINE_VARIABLE, type EngineError, startEngine } from '../../src/engine/engine.ts';
import { describeEnvironment } from '../../src/runs/environment.ts';
import type { EngineBench } from './engine.ts';

const PROGRAM = fileURLToPath(new URL('./engine.ts', import.meta.url));

function measure(engine: string): EngineBench {
  const { status, stdout } = spawnSync(process.execPath, ['--import', 'tsx', PROGRAM], {
    env: { ...process.env, [ENGINE_VARIABLE]: engine },
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  if (status !== 0) throw new Error(`measuring ${engine} ended with ${status}`);
  return JSON.parse(stdout);
}

const forced = process.env[ENGINE_VARIABLE];
const engines: EngineBench[] = [];
for (const name of forced ? [forced] : ['native', 'wasm']) {
  const missing = await startEngine(name).then(
    () => null,
    (error: EngineError) => error.message,
  );
  if (missing === null) engines.push(measure(name));
  else console.log(`not measured: ${missing}`);
}
const { node, platform, processor } = describeEnvironment();

console.log(`${processor}, Node ${node}`);
for (const { engine, peakMemoryMiB } of engines) {
  console.log(`${engine.name}: TensorFlow.js ${engine.version}, peak memory ${Math.round(peakMemoryMiB)} MiB`);
}
console.table(
  engines.flatMap(({ engine, rows }) =>
    rows.map((row) => ({
      engine: engine.name,
      setup: row.setup,
      phase: row.phase,
      'ms/step': row.stepMilliseconds.toFixed(1),
      'tokens/s': Math.round(row.tokensPerSecond),
      'products alone, ms': row.productMilliseconds.toFixed(1),
      'GFLOP/s': row.productGigaflopsPerSecond.toFixed(1),
      'share of matrix rate': `${Math.round(100 * row.shareOfMatrixRate)}%`,
    })),
  ),
);
const file = new URL('../../reports/bench.json', import.meta.url);
writeFileSync(
  file,
  `${JSON.stringify({ command: 'npm run bench', environment: { node, platform, processor }, engines }, null, 2)}\n`,
);
