/** Figures as files: SVG by Vega without a browser, PNG of that by resvg with a font that travels with the project. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { parse, type Spec, View } from 'vega';
import { type Figure, PAPER_THEME, type Theme, vega } from './figure.ts';

const FONTS = path.join(path.dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf');

/**
 * Names of clip paths and gradients counted within the drawing: Vega counts them over all that a process has drawn, so that
 * a figure's bytes would depend on those before it.
 */
function ownIds(svg: string): string {
  const numbers = new Map<string, number>();
  return svg.replace(/(?<=\bid="|url\(#)(clip|gradient_)(\d+)(?=["&)])/g, (name, kind: string) => {
    if (!numbers.has(name)) numbers.set(name, [...numbers.keys()].filter((other) => other.startsWith(kind)).length + 1);
    return `${kind}${numbers.get(name)}`;
  });
}

/** The figure as it first appears, every filter open: the same bytes, whatever was drawn before it. */
export async function svgOf(figure: Figure, theme: Theme = PAPER_THEME): Promise<string> {
  const view = new View(parse(vega(figure, theme) as Spec), { renderer: 'none' });
  try {
    return ownIds(await view.toSVG());
  } finally {
    view.finalize();
  }
}

/** Twice as large as the SVG, for screens of today. */
export const pngOf = (svg: string): Buffer =>
  new Resvg(svg, {
    fitTo: { mode: 'zoom', value: 2 },
    font: {
      fontFiles: ['DejaVuSans.ttf', 'DejaVuSans-Bold.ttf'].map((name) => path.join(FONTS, name)),
      loadSystemFonts: false,
      defaultFontFamily: 'DejaVu Sans',
    },
  })
    .render()
    .asPng();
