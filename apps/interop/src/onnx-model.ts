// A tile encoder as an ONNX file, y = relu(x W1 + b1) W2, written as protobuf by hand: it stands for the encoder that you have as a file. Field
// numbers: onnx.proto3.

const text = new TextEncoder();

const varint = (value: number): number[] => {
  const bytes: number[] = [];
  for (let rest = value; ; rest = Math.floor(rest / 128)) {
    if (rest < 128) return [...bytes, rest];
    bytes.push((rest % 128) | 128);
  }
};
const number = (field: number, value: number): number[] => [...varint(field * 8), ...varint(value)];
const message = (field: number, body: readonly number[] | string): number[] => {
  const bytes = typeof body === "string" ? [...text.encode(body)] : body;
  return [...varint(field * 8 + 2), ...varint(bytes.length), ...bytes];
};

/** An operator with one output. */
const node = (operator: string, inputs: readonly string[], output: string): number[] =>
  message(1, [...inputs.flatMap((name) => message(1, name)), ...message(2, output), ...message(4, operator)]);

/** Weights inside the file. */
const weights = (name: string, { values, shape }: Weights): number[] => {
  const dims = shape.flatMap((size) => number(1, size));
  const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
  return message(5, [...dims, ...number(2, 1), ...message(8, name), ...message(9, [...bytes])]);
};

/** A float tensor of the graph's interface; the first axis is named, so that it may have any length. */
const value = (name: string, width: number): number[] => {
  const dims = [...message(1, message(2, "L")), ...message(1, number(1, width))];
  return [...message(1, name), ...message(2, message(1, [...number(1, 1), ...message(2, dims)]))];
};

/** A matrix or vector, row by row. */
export interface Weights {
  readonly values: Float32Array;
  readonly shape: readonly number[];
}

/** Weights of the tile encoder. */
export interface TileEncoder {
  /** [C, F] */
  readonly w1: Weights;
  /** [F] */
  readonly b1: Weights;
  /** [F, E] */
  readonly w2: Weights;
}

/** The bytes of an ONNX file that turns `tiles` [L, C] into `embeddings` [L, E], for any L. */
export function tileEncoderModel({ w1, b1, w2 }: TileEncoder): Uint8Array {
  const graph = [
    ...node("MatMul", ["tiles", "w1"], "product"),
    ...node("Add", ["product", "b1"], "sum"),
    ...node("Relu", ["sum"], "hidden"),
    ...node("MatMul", ["hidden", "w2"], "embeddings"),
    ...message(2, "tile-encoder"),
    ...weights("w1", w1),
    ...weights("b1", b1),
    ...weights("w2", w2),
    ...message(11, value("tiles", w1.shape[0] ?? 0)),
    ...message(12, value("embeddings", w2.shape[1] ?? 0)),
  ];
  const opset = message(8, number(2, 17));
  return Uint8Array.from([...number(1, 8), ...opset, ...message(7, graph)]);
}
