/** Numbers as people read them. */
import type { Finding } from './claim.ts';

const decimal = (value: number): string => (Number.isFinite(value) ? value.toFixed(3) : value > 0 ? 'inf' : '-inf');

export const formatInterval = (interval: readonly [number, number]): string =>
  `[${decimal(interval[0])}, ${decimal(interval[1])}]`;

/** Counts stay whole; p-values below 0.001 keep two significant digits, where fixed decimals would hide them; so do millions. */
export function formatNumber(value: number): string {
  if (Number.isSafeInteger(value)) return `${value}`;
  if (Math.abs(value) >= 1e6 && Number.isFinite(value)) return value.toExponential(1);
  return Math.abs(value) < 1e-3 ? value.toPrecision(2) : decimal(value);
}

export const formatEstimate = ({ value, interval }: Pick<Finding, 'value' | 'interval'>): string =>
  interval === undefined ? formatNumber(value) : `${formatNumber(value)} ${formatInterval(interval)}`;
