/**
 * Multiplies and adds four numbers at a time, in as many chains as registers allow, none of which waits for another: the
 * most that WebAssembly's 128-bit instructions can do on one core.
 */

@inline
function step(x: v128): v128 {
  return f32x4.add(f32x4.mul(x, f32x4.splat(0.5)), f32x4.splat(0.25));
}

/** `times` multiplications and additions in each of 12 chains of 4 numbers. */
export function chains(times: i32): f32 {
  // Chains that begin alike would be one to the compiler.
  let a = f32x4.splat(1);
  let b = f32x4.splat(2);
  let c = f32x4.splat(3);
  let d = f32x4.splat(4);
  let e = f32x4.splat(5);
  let f = f32x4.splat(6);
  let g = f32x4.splat(7);
  let h = f32x4.splat(8);
  let i = f32x4.splat(9);
  let j = f32x4.splat(10);
  let k = f32x4.splat(11);
  let l = f32x4.splat(12);
  for (let time = 0; time < times; time++) {
    a = step(a);
    b = step(b);
    c = step(c);
    d = step(d);
    e = step(e);
    f = step(f);
    g = step(g);
    h = step(h);
    i = step(i);
    j = step(j);
    k = step(k);
    l = step(l);
  }
  const abcdef = f32x4.add(f32x4.add(f32x4.add(a, b), f32x4.add(c, d)), f32x4.add(e, f));
  const ghijkl = f32x4.add(f32x4.add(f32x4.add(g, h), f32x4.add(i, j)), f32x4.add(k, l));
  return f32x4.extract_lane(f32x4.add(abcdef, ghijkl), 0);
}
