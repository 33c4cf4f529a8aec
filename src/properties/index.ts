/** `negative-knowledge/arbitraries`: setups for properties of your own, with fast-check, and the properties that we check. */
export {
  alphabets,
  type NearlyValid,
  nearlyValidSetups,
  type PasswordSpace,
  type SetupSize,
  setups,
} from './arbitraries.ts';
export { DATA } from './data.ts';
export type { PropertyKind, SetupProperty } from './property.ts';
export { TRAINING } from './training.ts';
