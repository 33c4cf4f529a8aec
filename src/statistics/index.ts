export * from './bayes-factor.ts';
export * from './bootstrap.ts';
export * from './equivalence.ts';
export * from './holm.ts';
export * from './intervals.ts';
export * from './power.ts';
export { SampleError } from './sample-error.ts';
export * from './sign-flip.ts';
export * from './t-test.ts';
