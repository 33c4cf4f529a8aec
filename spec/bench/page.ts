/** reports/speed.md: what the sections of reports/bench.json say, each with the command that measured it. */
import { PRESETS } from '../../src/setup/presets.ts';
import type { GpuBench } from './gpu/measure.ts';
import { gpuText } from './gpu/text.ts';
import { type QueueBench, queueText, tenThousandText } from './queue/text.ts';
import {
  type Growth,
  growthText,
  type Jax,
  jaxText,
  type Paper,
  type PaperRuns,
  paperRunsText,
  paperText,
  type Reference,
  referenceText,
  type Speed,
  speedText,
  type Whole,
  wholeText,
} from './tables.ts';

/** reports/bench.json; a section is missing until its command has run. */
export interface Bench {
  readonly speed?: Speed;
  readonly growth?: Growth;
  readonly whole?: Whole;
  readonly paperRuns?: PaperRuns;
  readonly 'jax-narrow'?: Jax;
  readonly 'jax-wide'?: Jax;
  readonly 'jax-160m'?: Jax;
  readonly 'reference-narrow'?: Reference;
  readonly 'reference-160m'?: Reference;
  readonly 'paper-160m'?: Paper;
  readonly 'gpu-160m'?: GpuBench;
  readonly queue?: QueueBench;
}

const { evaluation, batch } = PRESETS['pocket-memorising'];
/** Passwords that an evaluation of `pocket-memorising` scores. */
const SCORED_AT_ONCE = evaluation.heldOut + evaluation.useful + evaluation.random;
/** Sequences of a step of its phase 2. */
const PAIRS = 2 * batch;

/** A table as Markdown, or what to do where it is missing. */
const shown = <Section>(section: Section | undefined, text: (section: Section) => string): string =>
  section === undefined ? 'Not measured yet.' : `\`\`\`\n${text(section)}\n\`\`\``;

export const speedPage = (bench: Bench): string => `# Speed

Every table on this page comes from [bench.json](bench.json). Each command below measures, prints its table, and writes its
section of that file and this page. \`npm run bench -- page\` writes this page again without measuring. Speed is measured
and not asserted: no spec fails because a machine is slow.

A table names its machine. Those of an Intel Xeon are from before matrix products on \`wasm\` were our own, and before training on \`native\`
was one session with kernels of our own.

## Engines

\`npm run bench\` measures a training step on each engine, in turn, round after round:

${shown(bench.speed, speedText)}

- *GFLOP/s* is the rate of the step's matrix products alone, computed by the same engine as fast as it can: by TensorFlow's kernel
  on \`native\`, by our own SIMD kernel on \`wasm\`. On \`native\` they are one graph of independent products, so both cores are always busy.
- *Matrix rate* is the time of these products over the time of the step.
- *wasm = 1* is the speed relative to \`wasm\`.

The figures are medians over rounds. A round measures every engine, so a machine whose speed drifts slows all of them alike.
\`narrow\` is the model of \`pocket-memorising\`, 64 wide with 4 layers; that of \`pocket\`, 96 wide with 4 layers, lies between it and
\`wide\`, which is 256 wide with 6 layers. \`160m\` has the shapes of Pythia-160M, random weights, and batches of 32.

A run of \`pocket-memorising\` on \`wasm\` peaks at 286 MiB
(\`/usr/bin/time -v npm run reproduce -- --preset pocket-memorising --claims main --seed-list 1 --jobs 1\`, the largest process).

## Compared with another version

\`npm run bench -- against <checkout>\` measures steps of this source and of another checkout of it, which has its own
\`node_modules\`, in turn. It prints their ratio round by round, and the time of a step over that of its matrix products. It writes
nothing. \`--size wide\` does so for a model 256 wide.

## Compared with JAX

\`npm run bench -- reference\` trains one setup with JAX and with PyTorch as well, on the same data from the same initial weights. Only this
command needs them. It compares with what it finds: \`PYTHON\` names the Python that has them.

The JAX program is our own, [train_jax.py](../spec/bench/reference/train_jax.py), as fast as we could make it. It takes the same step as
this project, in one compiled function: one forward and one backward pass over all sequences, clipping, and AdamW. It looks up the reference
model's log-probabilities, as this project does.

${shown(bench['jax-narrow'], (section) => jaxText('narrow', section))}

\`--size wide\`, which is 256 wide with 6 layers:

${shown(bench['jax-wide'], (section) => jaxText('wide', section))}

\`--size 160m\`, the shapes of Pythia-160M with random weights and batches of 8:

${shown(bench['jax-160m'], (section) => jaxText('160m', section))}

- *ms/step* is the median over rounds. In a round each program takes steps for 0.3 seconds, one program after the other, and gives their
  median. A step begins with picking its sequences and ends with its loss read. Compiling, tracing, evaluations and the reference model are
  not in it.
- *JAX = 1* is the time of a step over that of JAX in the same round: the median, and the quartiles. Below 1 is faster than JAX. Of JAX's two
  numbers of threads, the one with the lower median counts.
- *GFLOP/s* counts the products of the model's weight matrices in a step, over the time of the whole step. *Of all cores* compares it with
  the best rate of a large product in any library, measured in the same minutes. *Of 128 bits* compares \`wasm\` with the most that its
  instructions can do on the one core that it uses: a loop that multiplies and adds in registers
  ([peak.assembly.ts](../spec/bench/reference/peak.assembly.ts)).
- *Whole runs* have their evaluations and the reference model in them. Ours also trace their graphs, and look at the model more closely at
  the ends of phases. JAX had compiled everything before.

## Compared with PyTorch

The same command times a short plain PyTorch program of our own, [train.py](../spec/bench/reference/train.py). It works as the paper's code
does: it has a forward pass for each loss, runs the reference model again at every step, and evaluates every 5 steps. Whole runs are compared.

${shown(bench['reference-narrow'], (section) => referenceText('narrow', section))}

The same at the shapes of Pythia-160M, with random weights and batches of 8 (\`npm run bench -- reference --size 160m\`). Our time includes
tracing the graphs, which happens once a run.

${shown(bench['reference-160m'], (section) => referenceText('160m', section))}

## A whole run

\`npm run bench -- whole\` trains \`pocket-memorising\` to its end, in a process as a job starts it, and says where the seconds go:

${shown(bench.whole, wholeText)}

- *start*: from the start of the process until its engine can compute.
- *first steps*: the first step of each phase, in which graphs are made. The others are under their phase.
- *reference*: the log-probabilities of every password that DPO compares, after phase 1.
- *ends of phases*: their evaluation, and the closer look at the model then.
- *evaluations*: all others, how many and how long.

An evaluation scores ${SCORED_AT_ONCE} passwords. That is a forward pass over ${SCORED_AT_ONCE} sequences. A step of phase 2 has ${PAIRS} sequences, forward and backward,
which is as much work as a forward pass over ${3 * PAIRS}.

## On a GPU

\`npm run bench -- gpu\` (or \`npm run bench -- --engine webgpu\`) multiplies square matrices and takes steps of the paper's three phases
at the shapes of Pythia-160M on the engine \`webgpu\`. Shares are of the best rate that the same run found. What a program that
plays a GPU does is printed and not kept. \`npm run bench:pack\` puts the same measurement into one folder of 43 MB, for a machine that has a
GPU but no network.

${shown(bench['gpu-160m'], gpuText)}

## As a setup grows

\`npm run bench -- growth\` changes one thing of \`pocket-memorising\` at a time, in a process each:

${shown(bench.growth, growthText)}

The same command then measures steps at the shapes of three Pythia models in smaller batches. From these it extrapolates what a run of
the paper would cost on this machine:

${shown(bench.paperRuns, paperRunsText)}

## The paper's own size

\`npm run bench -- paper\` takes ten real steps of each phase at the shapes of Pythia-160M and the paper's batch. It takes the same path as
\`--preset paper\`, from a model's files to a run record. Only the weights are random.

${shown(bench['paper-160m'], paperText)}

## A queue

\`npm run bench -- queue\` sends runs that train nothing through a queue, from the command to a worker and back:

${shown(bench.queue, queueText)}

## Ten thousand runs of Pythia-410M

On paper, from the tables above: nothing of this size was run.

${
  bench.queue === undefined || bench.paperRuns === undefined
    ? 'Not measured yet.'
    : `\`\`\`\n${tenThousandText(bench.queue, bench.paperRuns)}\n\`\`\``
}

- Machines come first. What a GPU takes was not measured: the operations over the rate that \`npm run bench -- gpu\` finds say it.
- Of what machines share, the disk of the store gives way first. Checkpoints may take a twentieth of a run's time
  (\`src/lab/run.ts\`), so that a slow disk makes them rarer and not the runs slower; what is lost with a machine grows instead.
- The server of the queue has the least to do. A run enters and leaves it once in days, and a worker's signs of life are a few commands every
  two seconds.
- Commands that wait list the records of the store every five seconds. In a bucket of S3 that is a request for each thousand records.
`;
