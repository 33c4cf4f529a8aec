/** reports/speed.md: what the sections of reports/bench.json say, each with the command that measured it. */
import {
  type Growth,
  growthText,
  type Paper,
  type PaperRuns,
  paperRunsText,
  paperText,
  type Reference,
  referenceText,
  type Speed,
  speedText,
} from './tables.ts';

/** reports/bench.json; a section is missing until its command has run. */
export interface Bench {
  readonly speed?: Speed;
  readonly growth?: Growth;
  readonly paperRuns?: PaperRuns;
  readonly 'reference-pocket'?: Reference;
  readonly 'reference-160m'?: Reference;
  readonly 'paper-160m'?: Paper;
}

/** A table as Markdown, or what to do where it is missing. */
const shown = <Section>(section: Section | undefined, text: (section: Section) => string): string =>
  section === undefined ? 'Not measured yet.' : `\`\`\`\n${text(section)}\n\`\`\``;

export const speedPage = (bench: Bench): string => `# Speed

Every table on this page comes from [bench.json](bench.json). Each command below measures, prints its table, and writes its
section of that file and this page. \`npm run bench -- page\` writes this page again without measuring. Speed is measured
and not asserted: no spec fails because a machine is slow.

## Engines

\`npm run bench\` measures a training step on each engine, in turn, round after round:

${shown(bench.speed, speedText)}

- *GFLOP/s* is the rate of the step's matrix products alone, computed by the same engine as fast as it can: by TensorFlow's kernel
  on \`native\`, by our own SIMD kernel on \`wasm\`. On \`native\` they are one graph of independent products, so both cores are always busy.
- *Matrix rate* is the time of these products over the time of the step.
- *wasm = 1* is the speed relative to \`wasm\`.

The figures are medians over rounds. A round measures every engine, so a machine whose speed drifts slows all of them alike.
\`wide\` is 256 wide with 6 layers. \`160m\` has the shapes of Pythia-160M, random weights, and batches of 32.

A run of \`pocket\` on \`wasm\` peaks at 286 MiB
(\`/usr/bin/time -v npm run reproduce -- --claims main --seeds 1, --jobs 1\`, the largest process).

## Compared with another version

\`npm run bench -- against <checkout>\` measures steps of this source and of another checkout of it, which has its own
\`node_modules\`, in turn. It prints their ratio round by round, and the time of a step over that of its matrix products. It writes
nothing. \`--size wide\` does so for a model 256 wide.

## Compared with PyTorch

\`npm run bench -- reference\` trains one setup twice, on the same data from the same initial weights: here, and with a short plain
PyTorch program of our own, [train.py](../spec/bench/reference/train.py). That program works as the paper's code does: it has a forward
pass for each loss, runs the reference model again at every step, and evaluates every 5 steps. Only this command needs PyTorch.

${shown(bench['reference-pocket'], (section) => referenceText('pocket', section))}

The same at the shapes of Pythia-160M, with random weights and batches of 8 (\`npm run bench -- reference --size 160m\`). Our time includes
tracing the graphs, which happens once a run.

${shown(bench['reference-160m'], (section) => referenceText('160m', section))}

## As a setup grows

\`npm run bench -- growth\` changes one thing of \`pocket\` at a time, in a process each:

${shown(bench.growth, growthText)}

The same command then measures steps at the shapes of three Pythia models in smaller batches. From these it extrapolates what a run of
the paper would cost on this machine:

${shown(bench.paperRuns, paperRunsText)}

## The paper's own size

\`npm run bench -- paper\` takes ten real steps of each phase at the shapes of Pythia-160M and the paper's batch. It takes the same path as
\`--preset paper\`, from a model's files to a run record. Only the weights are random.

${shown(bench['paper-160m'], paperText)}
`;
