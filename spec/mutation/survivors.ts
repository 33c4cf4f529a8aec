/** Mutants that no spec notices, and why that is right. `node --import tsx spec/mutation/run.ts` fails on a survivor that is not explained here. */
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

const ON_THE_THRESHOLD =
  'Only a number that falls exactly on the threshold tells the two apart, and no rule gives that a meaning: means and resampled bounds do not fall there.';
const SAME_NUMBER = 'The result is the same number: ';

export const EXPLANATIONS: readonly Explanation[] = [
  // Claims.
  {
    file: /claims.arms/,
    line: /instanceof SetupError/,
    replacement: /^true$/,
    why: 'parseSetup throws nothing but SetupError.',
  },
  {
    file: /claims.arms/,
    line: /replaceAll\(/,
    mutator: /Regex/,
    why: 'No arm has two characters in a row that a name cannot have.',
  },
  {
    file: /claims.(avoidance|control|main|manipulation|no-dpo|paper-statistic|grid)\.ts/,
    line: /verdict:|rise\.value|heldOut\.interval\[0\] > 1|average\.interval|adjustedP < ALPHA|interval\[1\] < 1|low <= value/,
    mutator: /EqualityOperator/,
    why: ON_THE_THRESHOLD,
  },
  {
    file: /claims.main-findings/,
    line: /deviation \/ 100|guessRate >= 1\.5|tInterval\(values\)|halves\[choosing\]/,
    mutator: /EqualityOperator/,
    why: ON_THE_THRESHOLD,
  },
  {
    file: /claims.main-findings/,
    line: /rates\.length < 3/,
    mutator: /EqualityOperator/,
    why: 'Of exactly three runs, which no verdict rests on (the rule asks for five), one finding more or less is shown.',
  },
  {
    file: /claims.(control|no-dpo)\.ts/,
    line: /estimate\('main\/guess-rate'/,
    mutator: /StringLiteral/,
    why: 'Names the stream of the bootstrap, and only the estimate is used of it, which needs none.',
  },
  {
    file: /claims.family/,
    line: /estimate === null \|\| interval === null/,
    why: `${SAME_NUMBER}a judgement has both or neither.`,
  },
  {
    file: /claims.measures.seeds/,
    line: /views\[group\.arm\] \?\? \[\]/,
    mutator: /ArrayDeclaration/,
    why: 'What is no finished run is left out of the runs.',
  },
  {
    file: /claims.validity/,
    line: /before !== undefined|known\.set/,
    why: 'Only remembers what was found in a record, so that it is not looked for again.',
  },
  {
    file: /claims.validity/,
    line: /tolerance \* Math\.max\(1|target !== null && rate > target|guessRate < Math\.exp\(perf\)|-Math\.log\(rank \+ 1\)|length >= 32|sizes\[set\] \* Math\.log2/,
    mutator: /EqualityOperator/,
    why: ON_THE_THRESHOLD,
  },
  {
    file: /claims.validity/,
    line: /\(1 - tolerance\) - tolerance|Math\.max\(rounding, 1e-5\)/,
    mutator: /ArithmeticOperator|MethodExpression/,
    why: 'A slack for rounding: what it lets pass or not differs by as little.',
  },
  {
    file: /claims.validity/,
    line: /taken === phases\[phase\]\.steps/,
    replacement: /^true$/,
    why: 'A phase that ends early ends with an evaluation, so the steps it took are a multiple of those between evaluations.',
  },
  {
    file: /claims.validity/,
    line: /size === 1 \?/,
    replacement: /^false$/,
    why: `${SAME_NUMBER}the second half of a set of one password has no weight in the sum.`,
  },
  {
    file: /claims.validity/,
    line: /ranks: ranks \?\? \[\]/,
    mutator: /ArrayDeclaration/,
    why: 'Where there are no ranks, the top-1 rate that they would give is not compared.',
  },
  {
    file: /claims.validity/,
    line: /reward === 'rejected' \|\||source !== 'negatives'/,
    why: 'What is rejected comes from the negatives, which no kind of rewarded text does: either condition leaves it out.',
  },
  {
    file: /claims.validity/,
    line: /expected !== undefined && span/,
    replacement: /^true$/,
    why: 'A text that the setup does not reward has no expected number, and no number equals that.',
  },
  {
    file: /claims.validity/,
    line: /schemaVersion === 2 \? 5\.1e-5/,
    why: 'A slack for the rounding of counts, which decides only about counts that chance all but excludes.',
  },
  {
    file: /claims.validity/,
    line: /phase === 'joint' && prefix === reverse|scores !== undefined &&/,
    why: 'Only phase 3 is scored under reverse, and no record is without those scores.',
  },
  {
    file: /claims.grid/,
    line: /interval !== null && interval\[1\] < 1/,
    replacement: /^true$|interval !== null/,
    why: `${SAME_NUMBER}a cell without an interval is never readable, so what comes after is not asked.`,
  },
  {
    file: /claims.grid/,
    line: /average === null \|\|/,
    replacement: /^false$/,
    why: `${SAME_NUMBER}without an average no cell is readable, which is fewer than half.`,
  },
  {
    file: /claims.grid/,
    line: /useful >= LEARNED|average\.interval\[0\] > 1/,
    mutator: /EqualityOperator/,
    why: ON_THE_THRESHOLD,
  },
  {
    file: /claims.grid/,
    line: /average\?\.byRun \?\? \[\]/,
    mutator: /ArrayDeclaration/,
    why: `${SAME_NUMBER}a single value, whatever it is, leaves a test nothing to weigh, as none does.`,
  },
  {
    file: /claims.format/,
    line: /isFinite/,
    mutator: /EqualityOperator/,
    why: `${SAME_NUMBER}of what is not finite nothing is 0.`,
  },
  // Passwords.
  {
    file: /passwords.ledger/,
    line: /row < rows/,
    why: `${SAME_NUMBER}beyond the last row nothing is read, and a write beyond the end of a typed array is ignored.`,
  },
  {
    file: /passwords.overlap/,
    line: /length - from/,
    why: `${SAME_NUMBER}tables of more letters than a password has left are never looked at.`,
  },
  {
    file: /passwords.overlap/,
    line: /rate <= p|p === 0/,
    why: `${SAME_NUMBER}the formula below gives 1 at the rate p, and 0 for a p of 0.`,
  },
  {
    file: /passwords.overlap/,
    line: /overlaps\.length === 0/,
    why: 'A shortcut: without overlaps there is nothing to go through.',
  },
  {
    file: /passwords.overlap/,
    line: />= each|< each/,
    mutator: /EqualityOperator/,
    why: ON_THE_THRESHOLD,
  },
  {
    file: /passwords.overlap/,
    line: /const deviation/,
    why: 'A slack for rounding, far below the distance between two counts.',
  },
  {
    file: /passwords.overlap/,
    line: /const side = /,
    mutator: /EqualityOperator/,
    why: `${SAME_NUMBER}at the mean the deviation is 0, and the bound is 1 on either side.`,
  },
  // Statistics.
  {
    file: /statistics.intervals/,
    line: /<= slack/,
    mutator: /EqualityOperator/,
    why: `${SAME_NUMBER}a value that equals the estimate is a tie already, and a difference is exactly the slack only where all replicates agree.`,
  },
  {
    file: /statistics.intervals/,
    line: /stretch <= 0/,
    mutator: /EqualityOperator/,
    why: `${SAME_NUMBER}where stretch is 0, z is not, and z / 0 is the same end of the normal distribution.`,
  },
  {
    file: /statistics.bayes-factor/,
    line: /node < NODES|node \+ 0\.5/,
    why: `${SAME_NUMBER}the integrand vanishes at both ends of the midpoint sum, so a node more, or shifted by one, adds nothing.`,
  },
  {
    file: /statistics.bootstrap/,
    line: /const mean = /,
    why: `${SAME_NUMBER}it is the mean of means, and both change sign.`,
  },
  {
    file: /statistics.holm/,
    line: /new Array<number>/,
    why: `${SAME_NUMBER}every place is written, whether or not the array had it before.`,
  },
  {
    file: /statistics.power/,
    line: /node <= intervals|\(1 \+ reach - low\)|const simpson/,
    why: `${SAME_NUMBER}the integrand vanishes at both ends, and \`low\` is 0 for small samples, so that the rule's ends and weights hardly matter.`,
  },
  {
    file: /statistics.power/,
    line: /enough > 1e6/,
    mutator: /EqualityOperator/,
    why: `${SAME_NUMBER}the numbers tried are powers of two, and a million is none.`,
  },
  {
    file: /statistics.sign-flip/,
    line: /const threshold/,
    why: 'A slack for rounding: effects are in units of the largest, so their sum is of the order of 1 and so is its inverse.',
  },
  {
    file: /statistics.sign-flip/,
    line: />> run/,
    why: 'All sign patterns are gone through, so exchanging the two signs changes their order alone.',
  },
];
