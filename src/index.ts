/** The public surface: a setup goes in, a run record comes out, claims are pure functions of run records. */
export { defineArm, MAIN } from './claims/arms.ts';
export {
  type Estimate,
  estimate,
  guessRatesOf,
  heldOutMinusControl,
  logLikelihoodsOf,
  meanOverRuns,
  testAbove,
} from './claims/evidence.ts';
export { formatEstimate } from './claims/format.ts';
export {
  ARMS,
  type Arm,
  armSetup,
  CLAIMS,
  type Claim,
  CORE,
  type Evidence,
  type Judgement,
  type Verdict,
} from './claims/index.ts';
export { defineClaim } from './claims/judge.ts';
export { usefulRise } from './claims/manipulation.ts';
export { type Engine, EngineError, type EngineName, startEngine } from './engine/engine.ts';
export { CheckpointError } from './lab/checkpoint.ts';
export { type Job, type JobRequest, type JobResult, planJob, planSetups, runJob } from './lab/job.ts';
export { run } from './lab/run.ts';
export { RunStore } from './lab/store.ts';
export { chanceExposure, exposure, logProbabilityOf, ranksAmong } from './measure/exposure.ts';
export {
  blindSamplesNeeded,
  extractableShare,
  extractionProbability,
  samplesNeeded,
} from './measure/extraction.ts';
export {
  chanceLine,
  guessRates,
  logLikelihoods,
  type Measures,
  measure,
  type Scores,
  topRate,
} from './measure/measures.ts';
export { auc } from './measure/membership.ts';
export { calibrate, fitInverseTemperature } from './measure/temperature.ts';
export { ModelError } from './model/config.ts';
export { fetchModel, type HubModel, locateModel } from './model/hub.ts';
export { loadPretrained, saveModel } from './model/pretrained.ts';
export { buildCorpus, type Corpus } from './passwords/corpus.ts';
export { type Ledger, LedgerError, type LedgerSummary, openLedger } from './passwords/ledger.ts';
export type { Example, Phase, Prefix, Reward, Role } from './passwords/roles.ts';
export { type Stream, stream } from './random/streams.ts';
export type { Execution } from './records/execution.ts';
export { comparable, parseRunRecord, RecordError, type RunRecord, runRecordSchema } from './records/record.ts';
export { StorageError } from './records/storing.ts';
export { archiveStudy, evidenceOf, readStudy, type Study } from './records/study.ts';
export { type FailedView, type RunView, type Views, viewOf, viewsOf } from './records/view.ts';
export { claimsMarkdown, claimsTable } from './report/table.ts';
export { setupHash } from './setup/hash.ts';
export { claimSeeds, PRESETS } from './setup/presets.ts';
export { parseSetup, type Setup, SetupError, setupSchema } from './setup/schema.ts';
export {
  bayesFactor,
  bcaInterval,
  expandedInterval,
  hierarchicalBootstrap,
  holm,
  percentileInterval,
  signFlipTest,
  tTestAbove,
} from './statistics/index.ts';
export {
  type Outcome,
  type Progress,
  type TrainerState,
  type TrainingEvent,
  train,
  trainToEnd,
} from './training/trainer.ts';
