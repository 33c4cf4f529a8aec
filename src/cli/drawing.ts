/** What draws figures and pages: packages that training needs not, so that who installs the package chooses to have them. */
import { withPackages } from '../optional-packages.ts';

/** Optional peers in package.json, all of which figures or the page need. */
export const DRAWING = [
  '@resvg/resvg-js',
  'dejavu-fonts-ttf',
  'esbuild',
  'hyparquet-writer',
  'preact',
  'preact-render-to-string',
  'vega',
  'vega-lite',
  'vega-tooltip',
] as const;

/** Loads modules that draw. @throws MissingPackageError where a package that they need is not installed */
export const drawing = <Modules>(load: () => Promise<Modules>): Promise<Modules> =>
  withPackages(DRAWING, 'figures and pages need packages', load);
