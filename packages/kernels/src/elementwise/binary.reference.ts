/** The operations of two tensors. */
export type Operation = "add" | "sub" | "mul" | "div";

const FUNCTIONS: Record<Operation, (a: number, b: number) => number> = {
  add: (a, b) => a + b,
  sub: (a, b) => a - b,
  mul: (a, b) => a * b,
  div: (a, b) => a / b,
};

/** d(a op b)/da and d(a op b)/db, times d; of a quotient the latter times b², which all terms of a sum share. */
const SLOPES: Record<Operation, (a: number, b: number, d: number) => readonly [number, number]> = {
  add: (_a, _b, d) => [d, d],
  sub: (_a, _b, d) => [d, -d],
  mul: (a, b, d) => [d * b, d * a],
  div: (a, b, d) => [d / b, -d * a],
};

/** a op b in f64, b repeated along the leading axes of a. */
export function binaryReference(operation: Operation, a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => {
    const other = b[i % b.length] ?? Number.NaN;
    return FUNCTIONS[operation](value, other);
  });
}

/** Gradients of a and b. */
export function binaryGradient(
  operation: Operation,
  a: Float64Array,
  b: Float64Array,
  dy: Float64Array,
): [Float64Array, Float64Array] {
  const da = new Float64Array(a.length);
  const db = new Float64Array(b.length);
  for (let i = 0; i < a.length; i++) {
    const j = i % b.length;
    const [ofA, ofB] = SLOPES[operation](a[i] ?? Number.NaN, b[j] ?? Number.NaN, dy[i] ?? Number.NaN);
    da[i] = ofA;
    db[j] = (db[j] ?? Number.NaN) + ofB;
  }
  return [da, operation === "div" ? db.map((sum, j) => sum / (b[j] ?? Number.NaN) / (b[j] ?? Number.NaN)) : db];
}
