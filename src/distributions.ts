/**
 * Distribution functions and quantiles. In the package the build puts them into this one file (src/tools/build.ts): they
 * come as 240 npm packages.
 */
export { default as normalCdf } from '@stdlib/stats-base-dists-normal-cdf';
export { default as normalQuantile } from '@stdlib/stats-base-dists-normal-quantile';
export { default as tCdf } from '@stdlib/stats-base-dists-t-cdf';
export { default as tQuantile } from '@stdlib/stats-base-dists-t-quantile';
