// The two small graphs that ONNX Runtime is timed on, written as protobuf by hand: a whole ONNX writer would be a bigger dependency than
// these few fields. Field numbers: onnx.proto3.

const encoder = new TextEncoder();

/** @param {number} value */
const varint = (value) => {
  const bytes = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
};
/** A number field. @param {number} field @param {number} value */
const number = (field, value) => [...varint(field * 8), ...varint(value)];
/** A nested message or text. @param {number} field @param {number[] | string} body */
const nested = (field, body) => {
  const bytes = typeof body === "string" ? [...encoder.encode(body)] : body;
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];
};

/** A float tensor of the graph's interface. @param {string} name @param {readonly number[]} shape */
const value = (name, shape) => {
  const dims = shape.flatMap((size) => nested(1, number(1, size)));
  return [...nested(1, name), ...nested(2, nested(1, [...number(1, 1), ...nested(2, dims)]))];
};

/** @param {number[]} node @param {[string, readonly number[]][]} inputs @param {[string, readonly number[]]} output */
const model = (node, inputs, output) => {
  const graph = [
    ...nested(1, node),
    ...nested(2, "bench"),
    ...inputs.flatMap((input) => nested(11, value(...input))),
    ...nested(12, value(...output)),
  ];
  const opsets = [...nested(8, number(2, 17)), ...nested(8, [...nested(1, "com.microsoft"), ...number(2, 1)])];
  return Uint8Array.from([...number(1, 8), ...opsets, ...nested(7, graph)]);
};

/** y = a b, all `[n, n]`. @param {number} n */
export const matmulModel = (n) => {
  const node = [...nested(1, "a"), ...nested(1, "b"), ...nested(2, "y"), ...nested(4, "MatMul")];
  return model(
    node,
    [
      ["a", [n, n]],
      ["b", [n, n]],
    ],
    ["y", [n, n]],
  );
};

/** Dense multi-head attention by ONNX Runtime's fused operator: q, k, v and y `[1, N, H·D]`. @param {number} N @param {number} H @param {number} D */
export const attentionModel = (N, H, D) => {
  const shape = [1, N, H * D];
  const heads = [...nested(1, "num_heads"), ...number(3, H), ...number(20, 2)];
  const names = ["q", "k", "v"];
  const node = [
    ...names.flatMap((name) => nested(1, name)),
    ...nested(2, "y"),
    ...nested(4, "MultiHeadAttention"),
    ...nested(5, heads),
    ...nested(7, "com.microsoft"),
  ];
  return model(
    node,
    names.map((name) => [name, shape]),
    ["y", shape],
  );
};
