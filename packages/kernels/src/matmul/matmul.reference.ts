/** One matmul, sizes spelled out: a [batch, M, K] or [batch, K, M]; b [batch or 1, K, N] or [.., N, K]; all row-major. */
export interface MatmulReference {
  readonly batch: number;
  readonly m: number;
  readonly n: number;
  readonly k: number;
  readonly transposeA: boolean;
  readonly transposeB: boolean;
  readonly sharedB: boolean;
  readonly alpha: number;
}

type Values = ArrayLike<number>;

const indexA = (o: MatmulReference, l: number, i: number, p: number): number =>
  l * o.m * o.k + (o.transposeA ? p * o.m + i : i * o.k + p);
const indexB = (o: MatmulReference, l: number, p: number, j: number): number =>
  (o.sharedB ? 0 : l * o.k * o.n) + (o.transposeB ? j * o.k + p : p * o.n + j);

/** alpha · op(a)·op(b) + bias in f64, [batch, M, N]. */
export function matmulReference(o: MatmulReference, a: Values, b: Values, bias?: Values): Float64Array {
  const c = new Float64Array(o.batch * o.m * o.n);
  eachProduct(o, (l, i, j, p) => {
    const at = (l * o.m + i) * o.n + j;
    c[at] = Number(c[at]) + o.alpha * Number(a[indexA(o, l, i, p)]) * Number(b[indexB(o, l, p, j)]);
  });
  return c.map((value, at) => value + Number(bias?.[at % o.n] ?? 0));
}

/** Gradients of a, b and bias, given that of the result. */
export function matmulGradReference(
  o: MatmulReference,
  a: Values,
  b: Values,
  dc: Values,
): [Float64Array, Float64Array, Float64Array] {
  const da = new Float64Array(a.length);
  const db = new Float64Array(b.length);
  const dbias = new Float64Array(o.n);
  eachProduct(o, (l, i, j, p) => {
    const d = o.alpha * Number(dc[(l * o.m + i) * o.n + j]);
    const [x, y] = [indexA(o, l, i, p), indexB(o, l, p, j)];
    da[x] = Number(da[x]) + d * Number(b[y]);
    db[y] = Number(db[y]) + d * Number(a[x]);
  });
  for (let at = 0; at < dc.length; at++) dbias[at % o.n] = Number(dbias[at % o.n]) + Number(dc[at]);
  return [da, db, dbias];
}

function eachProduct(o: MatmulReference, work: (l: number, i: number, j: number, p: number) => void): void {
  for (let l = 0; l < o.batch; l++) {
    for (let i = 0; i < o.m; i++) for (let j = 0; j < o.n; j++) for (let p = 0; p < o.k; p++) work(l, i, j, p);
  }
}
