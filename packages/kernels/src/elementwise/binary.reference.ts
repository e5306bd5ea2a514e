/** a op b in f64, b repeated along the leading axes of a. */
export function binaryReference(operation: "add" | "sub" | "mul", a: Float64Array, b: Float64Array): Float64Array {
  return a.map((value, i) => {
    const other = b[i % b.length] ?? Number.NaN;
    return operation === "add" ? value + other : operation === "sub" ? value - other : value * other;
  });
}

/** Gradients of a and b. */
export function binaryGradient(
  operation: "add" | "sub" | "mul",
  a: Float64Array,
  b: Float64Array,
  dy: Float64Array,
): [Float64Array, Float64Array] {
  const da = new Float64Array(a.length);
  const db = new Float64Array(b.length);
  for (let i = 0; i < a.length; i++) {
    const j = i % b.length;
    const d = dy[i] ?? Number.NaN;
    da[i] = operation === "mul" ? d * (b[j] ?? Number.NaN) : d;
    db[j] = (db[j] ?? Number.NaN) + (operation === "mul" ? d * (a[i] ?? Number.NaN) : operation === "sub" ? -d : d);
  }
  return [da, db];
}
