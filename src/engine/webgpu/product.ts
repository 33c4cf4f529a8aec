/**
 * Products of matrices: tiles of the result are summed up in registers, from pieces of both factors in the memory of a
 * workgroup. Each factor is read along its rows, four numbers at a time, whatever the product transposes.
 */
import type { Shader } from './shader.ts';

/** Which product: x w, x w^T (the gradient of x), or x^T w (the gradient of a weight). */
type Kind = 'plain' | 'right transposed' | 'left transposed';

interface Options {
  readonly kind: Kind;
  /** Rows and columns of a tile that an invocation computes, of 16 x 16 invocations. */
  readonly per: 4 | 8;
  /** Whether rows of the left or right factor can be read four numbers at a time. */
  readonly left4: boolean;
  readonly right4: boolean;
  /** What each column begins with; the sums of the right factor's columns as well; the product so far; or none of them. */
  readonly extra: Extra;
}

type Extra = 'bias' | 'sums' | 'added' | null;

const SIDE = 16;
const range = (count: number): number[] => Array.from({ length: count }, (_, index) => index);

/**
 * A function that reads four numbers of a row, and zeros beyond its end.
 * @param stride from a row to the next @param begin of the first
 */
const reader = (name: string, rows: string, columns: string, stride: string, begin: string, whole: boolean): string => `
  fn ${name}_at(row: u32, four: u32) -> vec4f {
    if (row >= ${rows}) { return vec4f(); }
    ${
      whole
        ? `if (4u * four >= ${columns}) { return vec4f(); }
    return ${name}[row * (${stride} / 4u) + ${begin} / 4u + four];`
        : `var result = vec4f();
    let start = row * ${stride} + ${begin} + 4u * four;
    for (var i = 0u; i < 4u; i++) {
      if (4u * four + i < ${columns}) { result[i] = ${name}[start + i]; }
    }
    return result;`
    }
  }`;

function make({ kind, per, left4, right4, extra }: Options): Shader {
  const tile = SIDE * per;
  const depth = per === 4 ? 16 : 8;
  const [tile4, depth4] = [tile / 4, depth / 4];
  const [leftTransposed, rightTransposed] = [kind === 'left transposed', kind === 'right transposed'];
  // A piece of a factor has its rows as they lie in memory. Where columns are read one invocation a row, rows are apart by
  // an odd number of fours, so that they are in different banks.
  const stride = rightTransposed ? depth4 + 1 : tile4;
  const loads = (tile * depth) / 4 / SIDE ** 2;
  const load = (name: string, alongDepth: boolean, width: number, place: string): string =>
    range(loads)
      .map((part) => {
        const at = `(index + ${part * SIDE ** 2}u)`;
        const [major, minor] = [`${at} / ${alongDepth ? depth4 : tile4}u`, `${at} % ${alongDepth ? depth4 : tile4}u`];
        const [row, four] = alongDepth
          ? [`${place} * ${tile}u + ${major}`, `inward / 4u + ${minor}`]
          : [`inward + ${major}`, `${place} * ${tile4}u + ${minor}`];
        return `${name}_piece[(${major}) * ${width}u + (${minor})] = ${name}_at(${row}, ${four});`;
      })
      .join('\n      ');

  // Row r of an invocation is at.y + 16 r of the tile. Its columns are four together (at.x + 16 c fours), or, where the
  // right factor is transposed, at.x + 16 c.
  const fours = range(per / 4);
  const rows = range(per);
  const sum = (r: number, c: number) => `sum_${r}_${c}`;
  const inner = (() => {
    if (leftTransposed) {
      // Of each step inwards: an outer product of fours.
      const lines = (k: number) => [
        ...fours.map((r) => `let a${k}_${r} = left_piece[${k * tile4}u + at.y + ${SIDE * r}u];`),
        ...fours.map((c) => `let b${k}_${c} = right_piece[${k * tile4}u + at.x + ${SIDE * c}u];`),
        ...fours.flatMap((r) =>
          range(4).flatMap((i) => fours.map((c) => `${sum(4 * r + i, c)} += a${k}_${r}[${i}] * b${k}_${c};`)),
        ),
        ...(extra === 'sums' ? fours.map((c) => `total_${c} += b${k}_${c};`) : []),
      ];
      return range(depth).flatMap(lines);
    }
    const left = (k: number) =>
      rows.map((r) => `let a${k}_${r} = left_piece[(at.y + ${SIDE * r}u) * ${depth4}u + ${k}u];`);
    if (rightTransposed) {
      return range(depth4).flatMap((k) => [
        ...left(k),
        ...rows.map((c) => `let b${k}_${c} = right_piece[(at.x + ${SIDE * c}u) * ${stride}u + ${k}u];`),
        ...rows.flatMap((r) =>
          rows.map((c) => `${sum(r, Math.floor(c / 4))}[${c % 4}] += dot(a${k}_${r}, b${k}_${c});`),
        ),
      ]);
    }
    return range(depth4).flatMap((k) => [
      ...left(k),
      ...range(4).flatMap((i) => [
        ...fours.map((c) => `let b${k}_${i}_${c} = right_piece[${(4 * k + i) * tile4}u + at.x + ${SIDE * c}u];`),
        ...rows.flatMap((r) => fours.map((c) => `${sum(r, c)} += a${k}_${r}[${i}] * b${k}_${i}_${c};`)),
      ]),
    ]);
  })();

  const rowOf = (r: number) =>
    leftTransposed
      ? `group.y * ${tile}u + 4u * (at.y + ${SIDE * Math.floor(r / 4)}u) + ${r % 4}u`
      : `group.y * ${tile}u + at.y + ${SIDE * r}u`;
  const columnOf = (c: number) =>
    rightTransposed
      ? `group.x * ${tile}u + at.x + ${SIDE * c}u`
      : `group.x * ${tile}u + 4u * (at.x + ${SIDE * Math.floor(c / 4)}u) + ${c % 4}u`;
  const biased = (c: number) => (extra === 'bias' ? ` + bias[column_${c}]` : '');

  return {
    numbers: {
      ...{ rows: 'u32', inner: 'u32', columns: 'u32' },
      ...{ rightStride: 'u32', rightBegin: 'u32', stride: 'u32', begin: 'u32' },
    },
    inputs: {
      left: left4 ? 'vec4f' : 'f32',
      right: right4 ? 'vec4f' : 'f32',
      ...(extra === 'bias' ? { bias: 'f32' as const } : {}),
    },
    outputs: { product: 'f32', ...(extra === 'sums' ? { sums: 'f32' as const } : {}) },
    group: [SIDE, SIDE],
    before: `
      ${leftTransposed ? reader('left', 'n.inner', 'n.rows', 'n.rows', '0u', left4) : reader('left', 'n.rows', 'n.inner', 'n.inner', '0u', left4)}
      ${
        rightTransposed
          ? reader('right', 'n.columns', 'n.inner', 'n.rightStride', 'n.rightBegin', right4)
          : reader('right', 'n.inner', 'n.columns', 'n.rightStride', 'n.rightBegin', right4)
      }
      var<workgroup> left_piece: array<vec4f, ${leftTransposed ? depth * tile4 : tile * depth4}>;
      var<workgroup> right_piece: array<vec4f, ${rightTransposed ? tile * stride : depth * tile4}>;`,
    body: `
    ${rows.flatMap((r) => fours.map((c) => `var ${sum(r, c)} = vec4f();`)).join(' ')}
    ${extra === 'sums' ? fours.map((c) => `var total_${c} = vec4f();`).join(' ') : ''}
    for (var inward = 0u; inward < n.inner; inward += ${depth}u) {
      ${load('left', !leftTransposed, leftTransposed ? tile4 : depth4, 'group.y')}
      ${load('right', rightTransposed, stride, 'group.x')}
      workgroupBarrier();
      ${inner.join('\n      ')}
      workgroupBarrier();
    }
    ${rows.map((c) => `let column_${c} = ${columnOf(c)};`).join('\n    ')}
    ${rows
      .map(
        (r) => `{
      let row = ${rowOf(r)};
      if (row < n.rows) {
        ${rows
          .map(
            (c) =>
              `if (column_${c} < n.columns) { product[row * n.stride + n.begin + column_${c}] ${extra === 'added' ? '+=' : '='} ${sum(r, Math.floor(c / 4))}[${c % 4}]${biased(c)}; }`,
          )
          .join('\n        ')}
      }
    }`,
      )
      .join('\n    ')}
    ${
      extra === 'sums'
        ? `if (group.y == 0u && at.y == 0u) {
      ${rows.map((c) => `if (column_${c} < n.columns) { sums[column_${c}] = total_${Math.floor(c / 4)}[${c % 4}]; }`).join('\n      ')}
    }`
        : ''
    }`,
  };
}

const made = new Map<string, Shader>();

/** Sizes of a product: `[rows, inner]` times `[inner, columns]`, as it comes out. */
export interface ProductSizes {
  readonly rows: number;
  readonly inner: number;
  readonly columns: number;
}

/** Some columns of a wider matrix, from `begin`; `stride` is its width. */
export interface Columns {
  readonly stride: number;
  readonly begin: number;
}

/** Large tiles need less memory traffic; small ones give a GPU more to do at a time. */
const LARGE = 512;

/**
 * A program for a product of these sizes, the numbers that it is given, and the workgroups that it needs.
 * @param right where the right factor, as it lies in memory, is a part of a wider matrix
 * @param out the same of the product
 */
export function productOf(
  kind: Kind,
  { rows, inner, columns }: ProductSizes,
  extra: Extra = null,
  right: Columns = { stride: kind === 'right transposed' ? inner : columns, begin: 0 },
  out: Columns = { stride: columns, begin: 0 },
): { shader: Shader; numbers: Record<string, number>; groups: [number, number] } {
  const per = rows >= LARGE && columns >= LARGE ? 8 : 4;
  const left4 = (kind === 'left transposed' ? rows : inner) % 4 === 0;
  const along = kind === 'right transposed' ? inner : columns;
  const right4 = [along, right.stride, right.begin].every((size) => size % 4 === 0);
  const key = [kind, per, left4, right4, extra].join();
  let shader = made.get(key);
  if (shader === undefined) {
    shader = make({ kind, per, left4, right4, extra });
    made.set(key, shader);
  }
  const tile = SIDE * per;
  return {
    shader,
    numbers: { rows, inner, columns, rightStride: right.stride, rightBegin: right.begin, ...out },
    groups: [Math.ceil(columns / tile), Math.ceil(rows / tile)],
  };
}
