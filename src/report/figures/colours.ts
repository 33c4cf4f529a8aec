/** Colours of the sets of passwords, wherever they are drawn. */

/** Colours with a contrast of 3 to 1 on white and on black, which differ for all common kinds of colour vision. */
export const COLOURS = {
  'held-out': '#1f7fd0',
  useful: '#c9691b',
  control: '#7d7d7d',
} as const;
