/** Figures as files: Vega draws the SVG without a browser, and resvg turns it into PNG with a font that the project brings. */
import { createRequire } from 'node:module';
import path from 'node:path';
import { Resvg } from '@resvg/resvg-js';
import { parse, type Spec, View } from 'vega';
import { type Figure, PAPER_THEME, type Theme, vega } from './figure.ts';

const FONTS = path.join(path.dirname(createRequire(import.meta.url).resolve('dejavu-fonts-ttf/package.json')), 'ttf');

/**
 * Numbers clip paths and gradients within the drawing. Vega numbers them over everything that a process draws, so the bytes
 * of a figure would depend on earlier figures.
 */
function ownIds(svg: string): string {
  const numbers = new Map<string, number>();
  return svg.replace(/(?<=\bid="|url\(#)(clip|gradient_)(\d+)(?=["&)])/g, (name, kind: string) => {
    if (!numbers.has(name)) numbers.set(name, [...numbers.keys()].filter((other) => other.startsWith(kind)).length + 1);
    return `${kind}${numbers.get(name)}`;
  });
}

/** The figure with every filter open. Its bytes do not depend on what was drawn before. */
export async function svgOf(figure: Figure, theme: Theme = PAPER_THEME): Promise<string> {
  const view = new View(parse(vega(figure, theme) as Spec), { renderer: 'none' });
  try {
    return ownIds(await view.toSVG());
  } finally {
    view.finalize();
  }
}

/** Twice as large as the SVG, for screens with many pixels. */
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
