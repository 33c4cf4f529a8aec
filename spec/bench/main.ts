/** `npm run bench -- <what>`: measures, prints, and writes its section of reports/bench.json and reports/speed.md. */
const BENCHMARKS: Readonly<Record<string, { file: string; what: string }>> = {
  engines: { file: './engines.ts', what: 'steps of each engine, in turn (also without a name)' },
  growth: { file: './growth/run.ts', what: 'time and memory as a setup grows; what runs of the paper would cost' },
  paper: { file: './paper/run.ts', what: "real steps of the paper's setup: --steps 10, --size 160m" },
  reference: {
    file: './reference/run.ts',
    what: 'the same training in JAX and in PyTorch: --size narrow, --steps a,b,c, --engines, --rounds',
  },
  against: {
    file: './against.ts',
    what: 'steps of this source and of another checkout, in turn: <checkout> --rounds 21, --size narrow',
  },
  whole: {
    file: './whole/run.ts',
    what: 'where the time of a whole run goes: --every 50,10 steps between evaluations',
  },
  gpu: {
    file: './gpu/run.ts',
    what: "a GPU at Pythia's shapes: --size 160m, --micro-batch 32 (also --engine webgpu)",
  },
  queue: { file: './queue/run.ts', what: 'what a queue costs: --queue redis://localhost:6379, --runs 2000' },
  page: { file: './write-page.ts', what: 'reports/speed.md from reports/bench.json; measures nothing' },
};

/** `--engine webgpu` alone asks for what is measured of a GPU; another engine is forced on a benchmark by its variable. */
const GPU = ['--engine', 'webgpu'];
const given = process.argv.slice(2);
const [name = 'engines', ...rest] = GPU.every((word, index) => given[index] === word)
  ? ['gpu', ...given.slice(2)]
  : given;
const benchmark = Object.hasOwn(BENCHMARKS, name) ? BENCHMARKS[name] : undefined;
if (benchmark === undefined) {
  const list = Object.entries(BENCHMARKS).map(([known, { what }]) => `  npm run bench -- ${known.padEnd(10)} ${what}`);
  const asked = name === '--help' || name === '-h';
  if (!asked) process.stderr.write(`error: there is no benchmark "${name}"\n`);
  process[asked ? 'stdout' : 'stderr'].write(`${list.join('\n')}\n`);
  process.exitCode = asked ? 0 : 2;
} else {
  process.argv.splice(2, Infinity, ...rest); // what follows the name is for the benchmark
  try {
    await import(benchmark.file);
  } catch (error) {
    if (!String((error as NodeJS.ErrnoException).code).startsWith('ERR_PARSE_ARGS')) throw error;
    process.stderr.write(`error: ${(error as Error).message}\nof ${name}: ${benchmark.what}\n`);
    process.exitCode = 2;
  }
}
