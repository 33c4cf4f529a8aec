/** What runs in the reader's browser: draws the figures, shows tooltips, filters claims. */
import { parse, type Spec, View } from 'vega';
import { Handler } from 'vega-tooltip';

const views = new Map<string, View>();

/** Reads the Vega specification that the page carries for a figure. */
function specOf(id: string): Spec {
  const script = document.getElementById(`spec-${id}`);
  if (script === null) throw new Error(`the page has no specification of the figure ${id}`);
  return JSON.parse(script.textContent ?? '');
}

async function draw(container: HTMLElement): Promise<void> {
  const id = container.dataset.figure as string;
  const bindings = container.parentElement?.querySelector<HTMLElement>('.vega-bindings');
  const tooltip = new Handler({ theme: 'custom' });
  const view = new View(parse(specOf(id)), {
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

/** Shows the claims that both filters let through, in the table and in the forest plot. */
function applyFilters(): void {
  const chosen = (name: string) => document.querySelector<HTMLSelectElement>(`#filter-${name}`)?.value ?? 'all';
  const [verdict, study] = [chosen('verdict'), chosen('study')];
  let shown = 0;
  for (const row of document.querySelectorAll<HTMLElement>('[data-claim]')) {
    const fits =
      (verdict === 'all' || row.dataset.verdict === verdict) && (study === 'all' || row.dataset.study === study);
    row.hidden = !fits;
    if (fits) shown += 1;
  }
  const status = document.getElementById('shown');
  if (status !== null) status.textContent = `${shown} claims shown`;
  views.get('forest')?.signal('verdict', verdict).signal('study', study).runAsync();
}

for (const name of ['verdict', 'study'])
  document.querySelector(`#filter-${name}`)?.addEventListener('change', applyFilters);

// What is folded away on the screen is wanted on paper.
addEventListener('beforeprint', () => {
  for (const details of document.querySelectorAll<HTMLDetailsElement>('.claim-details')) details.open = true;
});

await Promise.all([...document.querySelectorAll<HTMLElement>('[data-figure]')].map(draw));
applyFilters();
document.documentElement.dataset.ready = 'yes';
