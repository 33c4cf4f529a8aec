/** Mutants that no spec notices, and why that is right. `npm run mutation` fails on a survivor that is not explained here. */
export interface Explanation {
  readonly file: RegExp;
  /** Of the line that was changed. */
  readonly line: RegExp;
  /** Of the name of the change, such as `EqualityOperator`. */
  readonly mutator?: RegExp;
  /** Of what stands there instead. */
  readonly replacement?: RegExp;
  readonly why: string;
}

export const EXPLANATIONS: readonly Explanation[] = [];
