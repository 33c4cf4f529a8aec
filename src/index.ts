/** The public surface: a setup goes in, a run record comes out, claims are pure functions of run records. */
export { ARMS, type Arm, armSetup, CLAIMS, type Claim, type Evidence, type Judgement, type Verdict } from './claims/index.ts';
export { type Engine, type EngineName, EngineError, startEngine } from './engine/engine.ts';
export { type Measures, type Scores, chanceLine, guessRates, logLikelihoods, measure } from './measure/measures.ts';
export { type Corpus, buildCorpus } from './passwords/corpus.ts';
export { type Ledger, LedgerError, type LedgerSummary, openLedger } from './passwords/ledger.ts';
export type { Example, Phase, Prefix, Reward, Role } from './passwords/roles.ts';
export { type Stream, stream } from './random/streams.ts';
export { claimsMarkdown, claimsTable } from './report/table.ts';
export { CheckpointError } from './runs/checkpoint.ts';
export { type JobResult, planSetups, runJob } from './runs/job.ts';
export { RecordError, type RunRecord, comparable, parseRunRecord, runRecordSchema } from './runs/record.ts';
export { run } from './runs/run.ts';
export { RunStore, StorageError } from './runs/store.ts';
export { setupHash } from './setup/hash.ts';
export { PRESETS, claimSeeds } from './setup/presets.ts';
export { type Setup, SetupError, parseSetup, setupSchema } from './setup/schema.ts';
export {
  bcaInterval,
  expandedInterval,
  hierarchicalBootstrap,
  percentileInterval,
  signFlipTest,
  tTestAbove,
} from './statistics/index.ts';
export { type Outcome, type Progress, type TrainerState, train } from './training/trainer.ts';
