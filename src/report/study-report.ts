/** A study with its claims judged: what every table and figure of a report is made from. */
import type { Evidence } from '../claims/claim.ts';
import { type Family, type Judge, judgeAll } from '../claims/family.ts';
import type { RunRecord } from '../records/record.ts';
import { evidenceOf, type PooledStudy, type Study } from '../records/study.ts';
import { finishedRuns, type RunView, type Views, viewsOf } from '../records/view.ts';

export interface StudyReport extends Family {
  readonly name: string;
  readonly study: Study;
  /** Records that were given more than once, and are counted once. */
  readonly repeated: number;
  readonly evidence: Evidence;
  readonly views: Views;
}

export function reportOf(study: Study & Partial<PooledStudy>, judge?: Judge): StudyReport {
  const evidence = evidenceOf(study);
  return {
    name: study.name ?? study.setup.name,
    study,
    repeated: study.repeated ?? 0,
    evidence,
    views: viewsOf(evidence),
    ...judgeAll(evidence, judge),
  };
}

/** The finished runs of one arm. */
export const runsOf = ({ views }: Pick<StudyReport, 'views'>, arm: string): RunView[] => finishedRuns(views[arm] ?? []);

export const failedRuns = ({ study }: Pick<StudyReport, 'study'>): Extract<RunRecord, { status: 'failed' }>[] =>
  study.records.filter((record) => record.status === 'failed');

/** Everything that the runs of a study ran on, each kind once. */
export const provenance = ({ study }: Pick<StudyReport, 'study'>): string[] => [
  ...new Set(
    study.records.map(
      ({ engine, environment: { processor, cores, platform, node, commit, dirty } }) =>
        `${engine.name} ${engine.version} on ${processor} (${cores} cores, ${platform}, Node ${node}), commit ${commit ?? 'unknown'}${dirty ? ' with uncommitted changes' : ''}`,
    ),
  ),
];
