/**
 * Fisher's linear discriminant (1936, https://doi.org/10.1111/j.1469-1809.1936.tb02137.x): the direction along which two sets of
 * points lie furthest apart for their scatter.
 */
import { CholeskyDecomposition, Matrix } from 'ml-matrix';

/** The share of the mean variance that is added to each variance: with few points the scatter is known poorly (a ridge). */
const RIDGE = 0.1;

/** Every coordinate of the points minus that of their mean, and the mean. */
function centred(points: Matrix): { around: Matrix; mean: number[] } {
  const mean = points.mean('column');
  return { around: points.clone().subRowVector(mean), mean };
}

/** The value along a direction. */
export const along = (direction: readonly number[], point: readonly number[]): number =>
  point.reduce((sum, value, index) => sum + value * direction[index], 0);

/**
 * The direction from `others` to `members`.
 * @param members points of one set, each of as many coordinates
 * @returns its coordinates, of no particular length; all 0 where the points do not scatter
 * @throws RangeError for an empty set
 */
export function discriminant(members: readonly number[][], others: readonly number[][]): number[] {
  if (members.length === 0 || others.length === 0)
    throw new RangeError(`a discriminant needs points of both kinds, not ${members.length} and ${others.length}`);
  const [some, rest] = [centred(new Matrix(members as number[][])), centred(new Matrix(others as number[][]))];
  const scatter = [some, rest].map(({ around }) => around.transpose().mmul(around));
  const pooled = scatter[0].add(scatter[1]).div(Math.max(1, members.length + others.length - 2));
  const ridge = (RIDGE * pooled.trace()) / pooled.rows;
  if (!(ridge > 0)) return some.mean.map(() => 0);
  const apart = some.mean.map((value, index) => value - rest.mean[index]);
  const solved = new CholeskyDecomposition(pooled.add(Matrix.eye(pooled.rows).mul(ridge)));
  return solved.solve(Matrix.columnVector(apart)).to1DArray();
}
