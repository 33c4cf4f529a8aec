/**
 * Experiments on real runs without an effect: how often does the main claim still find one? Its rule asks for an interval
 * of 95% above chance, so at most 2.5% of them may come out `reproduced`.
 */
import path from 'node:path';
import type { Verdict } from '../claims/claim.ts';
import { main } from '../claims/main.ts';
import type { Engine } from '../engine/engine.ts';
import { type Stream, stream } from '../random/streams.ts';
import { scoredUnder } from '../recipe/recipe.ts';
import { ARCHIVES, evidenceOf, readStudy, type Study } from '../records/study.ts';
import { finishedRuns, type RunView, type ViewedScores, viewOf, viewsOf } from '../records/view.ts';
import { PRESETS } from '../setup/presets.ts';
import { parseSetup, type Setup } from '../setup/schema.ts';
import { trainToEnd } from '../training/trainer.ts';

/** The archives whose runs of the main arm keep every letter. */
export const ARCHIVES_WITH_LETTERS: readonly string[] = ['pocket', 'pocket-memorising'].map((name) =>
  path.join(ARCHIVES, `${name}.jsonl.br`),
);

/** What the rule promises. */
export const NOMINAL = 0.025;

/** A rate that a rule of the nominal rate exceeds once in a thousand times, by the normal approximation. */
export const mostAllowed = (experiments: number): number =>
  NOMINAL + 3.09 * Math.sqrt((NOMINAL * (1 - NOMINAL)) / experiments);

interface NullWorld {
  readonly id: string;
  /** Why there is nothing to find. */
  readonly statement: string;
  /** The runs of one experiment. */
  experiment(source: Stream, index: number): Promise<RunView[]>;
}

const some = ({ logProbabilities, letterShares }: ViewedScores, places: readonly number[]): ViewedScores => ({
  logProbabilities: places.map((place) => logProbabilities[place]),
  letterShares: letterShares && places.map((place) => letterShares[place]),
});

/** A run in which some control passwords stand for the held-out ones, and the others stay the control. */
function withFresh(run: RunView, source: Stream): RunView {
  const [scored, control] = (['heldOut', 'random'] as const).map(
    (set) => run.at('joint', scoredUnder(run.setup, 'joint'), set).logProbabilities.length,
  );
  const order = source.permutation(control);
  const size = Math.min(scored, Math.floor(control / 2));
  return {
    ...run,
    at: (phase, prefix, set) =>
      set === 'useful'
        ? run.at(phase, prefix, set)
        : some(run.at(phase, prefix, 'random'), set === 'heldOut' ? order.slice(0, size) : order.slice(size)),
  };
}

/** Runs of one experiment, drawn from recorded ones without replacement. */
const drawn = (runs: readonly RunView[], source: Stream): RunView[] =>
  source
    .permutation(runs.length)
    .slice(0, Math.max(5, Math.min(8, runs.length / 2)))
    .map((index) => runs[index]);

function recorded(study: Study): NullWorld[] {
  const name = study.source.replace(/^.*records\//, '').replace(/\.jsonl\.br$/, '');
  const views = viewsOf(evidenceOf(study));
  const [runs, without] = ['main', 'no-dpo'].map((arm) => finishedRuns(views[arm] ?? []));
  const fresh: NullWorld = {
    id: `fresh passwords, ${name}`,
    statement: 'Passwords that no model has seen stand for the held-out ones, after training.',
    experiment: async (source) => drawn(runs, source).map((run) => withFresh(run, source)),
  };
  if (without.length === 0) return [fresh];
  const noDpo: NullWorld = {
    id: `no DPO, ${name}`,
    statement:
      'Phase 3 of runs without DPO, after phase 2 of those with it: the check that something was flipped passes.',
    experiment: async (source) =>
      drawn(without, source).map((run) => {
        const before = runs.find(({ setup }) => setup.seed === run.setup.seed) as RunView;
        const prefix = scoredUnder(run.setup, 'joint');
        const half = (set: 'heldOut' | 'random') => {
          const scores = run.at('joint', prefix, set);
          const order = source.permutation(scores.logProbabilities.length);
          return some(scores, order.slice(0, Math.ceil(order.length / 2)));
        };
        const sets = { heldOut: half('heldOut'), useful: run.at('joint', prefix, 'useful'), random: half('random') };
        return {
          ...before,
          evaluations: run.evaluations,
          at: (phase, after, set) => (phase === 'joint' && after === prefix ? sets[set] : before.at(phase, after, set)),
        };
      }),
  };
  return [fresh, noDpo];
}

/**
 * Trains the five runs of an experiment. They are small enough to train in seconds, and large enough to learn their useful
 * negatives by heart.
 */
async function trained(
  engine: Engine,
  experiment: number,
  change: (setup: Setup) => void = () => {},
): Promise<RunView[]> {
  const setup: Setup = structuredClone(PRESETS['pocket-memorising']);
  setup.name = 'null';
  setup.batch = 8;
  Object.assign(setup.passwords, { length: 6, negativeBatches: 2, heldBatches: 1, repeats: 4 });
  Object.assign(setup.model, { hidden: 16, layers: 1, heads: 2, rotaryFraction: 0.5, initialDeviation: 0.1 });
  Object.assign(setup.optimiser, { learningRate: 0.02, warmupSteps: 5 });
  setup.phases.pretrain.steps = 10;
  setup.phases.dpo.steps = 20;
  Object.assign(setup.phases.joint, { steps: 60, stopAtUsefulGuessRate: null });
  Object.assign(setup.evaluation, { every: 60, heldOut: 8, useful: 8, random: 32 });
  change(setup);
  const runs: RunView[] = [];
  for (let run = 0; run < 5; run++) {
    const seeded = parseSetup({ ...setup, seed: 5 * experiment + run });
    runs.push(viewOf({ setup: seeded, ...(await trainToEnd(seeded, { engine })) }));
  }
  return runs;
}

const trainedWorlds = (engine: Engine): readonly NullWorld[] => [
  {
    id: 'fresh passwords, trained here',
    statement: 'Small runs with all three phases; passwords that they have not seen stand for the held-out ones.',
    experiment: async (source, index) => (await trained(engine, index)).map((run) => withFresh(run, source)),
  },
  {
    id: '`reverse` never trained, trained here',
    statement: 'Small runs in whose phase 3 the useful negatives have no weight: nothing teaches the model to flip.',
    experiment: (_, index) =>
      trained(engine, index, ({ phases }) => Object.assign(phases.joint.weights, { useful: 0 })),
  },
];

/** Every world: recorded runs of the reference report, and runs trained on the spot. */
export async function nullWorlds(archives: readonly string[], engine: Engine): Promise<NullWorld[]> {
  const studies = await Promise.all(archives.map(readStudy));
  return [...studies.flatMap(recorded), ...trainedWorlds(engine)];
}

/** Judges the main claim in so many experiments of a world, and counts the verdicts. */
export async function tryNull(world: NullWorld, experiments: number): Promise<Readonly<Record<Verdict, number>>> {
  const verdicts: Record<Verdict, number> = { reproduced: 0, 'not reproduced': 0, inconclusive: 0, invalid: 0 };
  for (let index = 0; index < experiments; index++) {
    const runs = await world.experiment(stream(0, `fuzz/null/${world.id}/${index}`), index);
    verdicts[main.weigh({ main: runs }).verdict] += 1;
  }
  return verdicts;
}
