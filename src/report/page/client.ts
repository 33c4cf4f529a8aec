/** What runs in the reader's browser: draws the figures, shows tooltips, filters claims, opens what the page carries. */
import { parse, type Spec, View } from 'vega';
import { Handler } from 'vega-tooltip';
import { csvOf } from '../escape.ts';
import type { Layout } from '../figures/figure.ts';
import type { Drawn } from './figure-view.tsx';

const views = new Map<string, View>();

/** A screen on which figures have the narrow layout, and the contents are folded. */
const NARROW = matchMedia('(max-width: 40rem)');
const NO_SIDEBAR = matchMedia('(max-width: 73.99rem)');

const all = <Found extends HTMLElement>(selector: string): Found[] => [...document.querySelectorAll<Found>(selector)];

/** Reads what the page carries for the browser. */
function carried<Value>(id: string): Value {
  const script = document.getElementById(id);
  if (script === null) throw new Error(`the page carries nothing called ${id}`);
  return JSON.parse(script.textContent ?? '');
}

const drawnOf = (id: string): Drawn => carried(`drawn-${id}`);

const rowsOf = ({ columns, rows }: Drawn) =>
  rows.map((row) => Object.fromEntries(columns.map((column, index) => [column, row[index]])));

/** The Vega specification with its rows. */
function specOf(id: string, layout: Layout): Spec {
  const drawn = drawnOf(id);
  const spec = drawn[layout] as Spec;
  return {
    ...spec,
    data: spec.data?.map((data) => (data.name === 'rows' ? { ...data, values: rowsOf(drawn) } : data)),
  };
}

async function draw(container: HTMLElement): Promise<void> {
  const id = container.dataset.figure as string;
  const layout = container.dataset.layout === 'narrow' || NARROW.matches ? 'narrow' : 'wide';
  const bindings = container.parentElement?.querySelector<HTMLElement>('.vega-bindings');
  bindings?.replaceChildren();
  views.get(id)?.finalize();
  const tooltip = new Handler({ theme: 'custom' });
  const view = new View(parse(specOf(id, layout)), {
    renderer: 'svg',
    container,
    bind: bindings ?? undefined,
    hover: true,
    tooltip: tooltip.call,
  });
  views.set(id, view);
  await view.runAsync();
  // Vega says that the drawing is interactive, but nothing inside can be reached by keyboard: to a reader it is one
  // image with a description. The data are in the table that follows.
  const svg = container.querySelector('svg');
  svg?.setAttribute('role', 'img');
  svg?.setAttribute('aria-label', container.dataset.alt ?? id);
  for (const part of svg?.querySelectorAll('[role]') ?? []) part.removeAttribute('role');
  for (const part of svg?.querySelectorAll('[aria-label], [aria-roledescription]') ?? []) {
    part.removeAttribute('aria-label');
    part.removeAttribute('aria-roledescription');
  }
}

const drawAll = () => Promise.all(all('[data-figure]').map(draw));

const FILTERS = ['verdict', 'preset'] as const;
const filterOf = (name: string) => document.querySelector<HTMLSelectElement>(`#filter-${name}`);

/** Shows the claims that both filters let through, in the list and in the forest plot, and notes the filters in the address. */
function applyFilters(): void {
  const [verdict, preset] = FILTERS.map((name) => filterOf(name)?.value ?? 'all');
  let shown = 0;
  for (const claim of all('[data-claim]')) {
    claim.hidden = ![
      [verdict, claim.dataset.verdict],
      [preset, claim.dataset.study],
    ].every(([wanted, own]) => wanted === 'all' || wanted === own);
    if (!claim.hidden) shown += 1;
  }
  for (const section of all('[data-preset]'))
    section.hidden = section.querySelector('[data-claim]:not([hidden])') === null;
  const status = document.getElementById('shown');
  if (status !== null) status.textContent = `${shown} claims shown`;
  views.get('forest')?.signal('verdict', verdict).signal('study', preset).runAsync();
  const address = new URL(location.href);
  for (const [name, value] of [
    ['verdict', verdict],
    ['preset', preset],
  ]) {
    if (value === 'all') address.searchParams.delete(name);
    else address.searchParams.set(name, value);
  }
  if (address.href !== location.href) history.replaceState(null, '', address);
}

/** Sets the filters as the address says; a value that there is none of is as good as none. */
function readFilters(): void {
  const asked = new URLSearchParams(location.search);
  for (const name of FILTERS) {
    const select = filterOf(name);
    const value = asked.get(name) ?? 'all';
    if (select !== null) select.value = [...select.options].some((option) => option.value === value) ? value : 'all';
  }
}

/** The drawing as a file: dark on white, whatever the page looks like. */
async function svgOf(id: string): Promise<string> {
  const svg = (await views.get(id)?.toSVG()) ?? '';
  return svg
    .replace(/(<svg[^>]*>)/, '$1<rect width="100%" height="100%" fill="#fff"/>')
    .replaceAll('currentColor', '#1c1c1c')
    .replaceAll('var(--grid)', '#ddd');
}

/** The same, as pixels. */
async function pngOf(id: string): Promise<Blob> {
  const image = new Image();
  image.src = `data:image/svg+xml,${encodeURIComponent(await svgOf(id))}`;
  await image.decode();
  const canvas = new OffscreenCanvas(2 * image.width, 2 * image.height);
  canvas.getContext('2d')?.drawImage(image, 0, 0, canvas.width, canvas.height);
  return canvas.convertToBlob();
}

/** The files of a figure, made here: the page may stand alone. */
const MADE: Record<string, (id: string) => Promise<Blob>> = {
  csv: async (id) => new Blob([csvOf(rowsOf(drawnOf(id)))], { type: 'text/csv' }),
  'vl.json': async (id) => {
    const drawn = drawnOf(id);
    const spec = { ...drawn.lite, data: { name: 'rows', values: rowsOf(drawn) } };
    return new Blob([`${JSON.stringify(spec, null, 2)}\n`], { type: 'application/json' });
  },
  svg: async (id) => new Blob([await svgOf(id)], { type: 'image/svg+xml' }),
  png: pngOf,
};

/** Gives the reader a file. */
function offer(name: string, blob: Blob): void {
  const link = document.createElement('a');
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
}

const TYPES: Record<string, string> = { html: 'text/html', md: 'text/plain' };

/** Opens what can be read, and saves the rest. */
function openCarried(name: string): void {
  const text = carried<Record<string, string>>('files-beside')[name];
  const type = TYPES[name.split('.').at(-1) as string];
  const blob = new Blob([text], { type: `${type ?? 'text/csv'};charset=utf-8` });
  if (type === undefined) offer(name, blob);
  else window.open(URL.createObjectURL(blob));
}

/** Rows of its data that a figure shows. */
const SHOWN = 60;

const element = (name: string, attributes: Record<string, string>, ...children: (Node | string)[]): HTMLElement => {
  const made = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  made.append(...children);
  return made;
};

/** Fills in the data of a figure, the first time that a reader opens them. */
function showData(details: HTMLElement): void {
  if (details.querySelector('table') !== null) return;
  const { columns, rows } = drawnOf(details.dataset.tableOf as string);
  const row = (cells: HTMLElement[]) => element('tr', { role: 'row' }, ...cells);
  const table = element(
    'table',
    { role: 'table' },
    element(
      'thead',
      { role: 'rowgroup' },
      row(columns.map((column) => element('th', { role: 'columnheader', scope: 'col' }, column))),
    ),
    element(
      'tbody',
      { role: 'rowgroup' },
      ...rows
        .slice(0, SHOWN)
        .map((values) =>
          row(
            values.map((value, index) =>
              element('td', { role: 'cell', 'data-label': columns[index] }, `${value ?? ''}`),
            ),
          ),
        ),
    ),
  );
  const more = rows.length > SHOWN ? [element('p', {}, `The first ${SHOWN} of ${rows.length} rows.`)] : [];
  const label = details.querySelector('summary')?.textContent ?? '';
  details.append(...more, element('section', { class: 'scroll', tabindex: '0', 'aria-label': label }, table));
}

for (const name of FILTERS) filterOf(name)?.addEventListener('change', applyFilters);

addEventListener('click', async (event) => {
  const link = (event.target as Element).closest('a');
  if (link === null) return;
  const { file, made, of } = link.dataset;
  if (file !== undefined) {
    event.preventDefault();
    openCarried(file);
  } else if (made !== undefined && of !== undefined) {
    event.preventDefault();
    offer(`${of}.${made}`, await MADE[made](of));
  }
});

for (const details of all('[data-table-of]')) details.addEventListener('toggle', () => showData(details));

// What is folded away on the screen is wanted on paper.
addEventListener('beforeprint', () => {
  for (const details of all<HTMLDetailsElement>('.claim-details')) details.open = true;
});

/** Opens the details of the claim that the address names. */
function openNamed(): void {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  for (const details of named?.querySelectorAll<HTMLDetailsElement>('.claim-details') ?? []) details.open = true;
}
addEventListener('hashchange', openNamed);

const contents = document.querySelector<HTMLDetailsElement>('.contents details');
const foldContents = () => {
  if (contents !== null) contents.open = !NO_SIDEBAR.matches;
};
NO_SIDEBAR.addEventListener('change', foldContents);
contents?.addEventListener('click', ({ target }) => {
  if ((target as Element).closest('a') !== null) foldContents();
});

// The contents say where the reader is.
const links = new Map(all<HTMLAnchorElement>('.contents a').map((link) => [link.hash.slice(1), link]));
const seen = new IntersectionObserver(
  (entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      for (const [id, link] of links) {
        if (id === target.id) link.setAttribute('aria-current', 'true');
        else link.removeAttribute('aria-current');
      }
    }
  },
  { rootMargin: '0px 0px -70% 0px' },
);
for (const id of links.keys()) {
  const part = document.getElementById(id);
  if (part !== null) seen.observe(part);
}

foldContents();
readFilters();
await drawAll();
applyFilters();
openNamed();
NARROW.addEventListener('change', async () => {
  await drawAll();
  applyFilters();
});
document.documentElement.dataset.ready = 'yes';
