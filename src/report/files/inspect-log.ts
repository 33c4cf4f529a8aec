/**
 * The main claim's runs as an evaluation log of Inspect (https://inspect.aisi.org.uk/eval-logs.html, version 2 of its
 * format): a sample a run, with the guess rates that the claims read. Inspect asks models questions and keeps what they
 * answered; here nobody is asked anything, so messages and outputs are empty, and the scores are all there is.
 */
import { judgementOf } from '../../claims/family.ts';
import type { FailedRun, RunRecord } from '../../records/record.ts';
import { setupHash } from '../../setup/hash.ts';
import { heldOut } from '../../setup/sizes.ts';
import type { Report } from '../report.ts';

/** The scores of a run, by the sets that they are of. */
const SCORES = {
  'held-out guess rate': 'heldOut',
  'control guess rate': 'random',
  'useful guess rate': 'useful',
} as const;

/** The claims whose estimates stand for all runs. */
const CLAIMS = {
  'held-out guess rate': 'main',
  'control guess rate': 'control',
  'useful guess rate': 'manipulation',
} as const;

const error = ({ error: { name, message } }: FailedRun) => ({
  message: `${name}: ${message}`,
  traceback: '',
  traceback_ansi: '',
});

/** The moments of the records that are any, in their order; a record may say anything of its times. */
const times = (records: readonly RunRecord[], which: 'startedAt' | 'finishedAt'): string[] =>
  records
    .map((record) => Date.parse(record.times[which]))
    .filter(Number.isFinite)
    .sort((a, b) => a - b)
    .map((time) => new Date(time).toISOString());

/** What stands where no record says when it was made. */
const UNKNOWN = new Date(0).toISOString();

/** @returns the log, under a name by which Inspect finds it in a folder; null where the main claim was not judged */
export function inspectLog({ studies: [study], command }: Report): { name: string; content: string } | null {
  const main = judgementOf(study, 'main');
  const records = study.evidence.main ?? [];
  if (main === undefined || records.length === 0) return null;
  const { setup } = study.study;
  const id = ({ setup: { seed } }: RunRecord) => `seed ${seed}`;
  const [started = UNKNOWN] = times(records, 'startedAt');
  const value = (name: string, number: number) => ({ [name]: { name, value: number } });
  const scores = Object.entries(CLAIMS).flatMap(([name, claim]) => {
    const { estimate = null, interval = null, seeds = [] } = judgementOf(study, claim) ?? {};
    if (estimate === null) return [];
    const bounds = interval === null ? {} : { ...value('low', interval[0]), ...value('high', interval[1]) };
    return { name, scorer: name, scored_samples: seeds.length, metrics: { ...value('estimate', estimate), ...bounds } };
  });
  const log = {
    version: 2,
    status: 'success',
    eval: {
      run_id: setupHash(setup),
      created: started,
      task: 'negative-knowledge/main',
      task_id: setupHash(setup),
      task_args: setup,
      dataset: { name: study.name, samples: records.length, sample_ids: records.map(id), shuffled: false },
      model: setup.model.pretrained ?? `from-scratch/${study.name}`,
      config: { epochs: 1 },
      packages: {},
      metadata: { command, verdict: main.verdict, reason: main.reason, chance: 1 },
    },
    plan: { name: 'training', steps: [], config: {} },
    results: { total_samples: records.length, completed_samples: main.seeds.length, scores },
    stats: { started_at: started, completed_at: times(records, 'finishedAt').at(-1) ?? started, model_usage: {} },
    samples: records.map((record) => ({
      id: id(record),
      epoch: 1,
      input: `${heldOut(record.setup)} passwords that were only ever rejected, under the prefix reverse at the end of phase 3`,
      target: 'guess rates as multiples of chance',
      messages: [],
      output: { model: '', choices: [] },
      ...(record.status === 'failed'
        ? { error: error(record) }
        : {
            scores: Object.fromEntries(
              Object.entries(SCORES).map(([name, set]) => [
                name,
                { value: record.evaluations[record.evaluations.length - 1].sets[set].guessRate },
              ]),
            ),
          }),
      metadata: {
        setup_hash: record.setupHash,
        engine: record.engine.name,
        commit: record.environment.commit,
        ...(record.status === 'failed' ? {} : { parameters_digest: record.parametersDigest }),
      },
    })),
  };
  const time = started.slice(0, 'yyyy-mm-ddThh:mm:ss'.length).replaceAll(':', '-');
  return { name: `inspect/${time}-00-00_main_${study.name}.json`, content: `${JSON.stringify(log, null, 1)}\n` };
}
