/** What draws figures and pages: packages that training needs not, so that who installs the package chooses to have them. */
import { UsageError } from './options.ts';

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

/** Loads modules that draw. @throws UsageError where a package that they need is not installed */
export async function drawing<Modules>(load: () => Promise<Modules>): Promise<Modules> {
  try {
    return await load();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const lacking = DRAWING.find((name) => message.includes(`'${name}`));
    if (lacking === undefined || !['ERR_MODULE_NOT_FOUND', 'MODULE_NOT_FOUND'].includes(code ?? '')) throw error;
    throw new UsageError(
      `figures and pages need packages that are not installed here: npm install ${DRAWING.join(' ')}`,
    );
  }
}
