import {
  ConfigError,
  checkCall,
  checkShape,
  field,
  type HostNumbers,
  LimitError,
  type Shape,
  ShapeError,
  show,
  sizeOf,
  Tensor,
} from "@dilated/core";
import { isNode, makeConstant, makeNode } from "./build.ts";
import type { BoolNode, Node, NumberNode, NumberType, ValueType } from "./node.ts";

/** Numbers that an expression reads by an index: data of its own, not constants of its text. */
export interface Captured<T extends ValueType = ValueType> {
  readonly type: T;
  readonly shape: Shape;
  /** Row-major, truth values as 0 and 1; absent where a tensor of a device is read. */
  readonly values?: CapturedValues | undefined;
  readonly tensor?: Tensor | undefined;
  /**
   * The element at an index: an i32 node or an integer for each axis.
   *
   * @throws ConfigError for another number of them, or other types.
   */
  at(...index: (NumberNode<"i32"> | number)[]): T extends NumberType ? NumberNode<T> : BoolNode;
}

export type CapturedValues = Int32Array | Uint32Array | Float32Array;

/** How captured numbers are meant. */
export interface CaptureOptions {
  /** @defaultValue one axis; none for a number */
  readonly shape?: Shape | undefined;
  /** Of numbers in an ordinary array. @defaultValue that of a typed array or tensor, else "f32" */
  readonly type?: ValueType | undefined;
}

/** Shared storage buffers are bound whole. */
const MOST_AXES = 4;
const ARRAYS = { i32: Int32Array, u32: Uint32Array, f32: Float32Array, bool: Uint32Array } as const;

const ARGUMENTS = {
  values: field.custom<HostNumbers | number | Tensor>(
    "a number, a list of numbers or a Tensor",
    (value) => typeof value === "number" || value instanceof Tensor || field.numbers().test(value),
  ),
  options: field.options<CaptureOptions>({
    shape: field.optional(field.shape()),
    type: field.optional(field.oneOf(["i32", "u32", "f32", "bool"])),
  }),
};

function at(this: Captured, ...index: (NumberNode<"i32"> | number)[]): Node {
  const { shape, type } = this;
  if (index.length !== shape.length)
    throw new ConfigError(`at: takes an index for each of ${shape.length} axes`, {
      details: [`shape: [${shape}]`, `given: ${index.length}`],
      fix: shape.length > 1 ? "at(i, j)" : "at(i)",
    });
  const args = index.map((each) => (isNode(each) ? each : makeConstant("at", each, "i32")));
  for (const [axis, each] of args.entries()) {
    if (each.type !== "i32")
      throw new ConfigError("at: an index must be i32", {
        details: [`axis ${axis}: ${each.type}`],
        fix: "cast it: toI32()",
      });
    if (each.op === "constant") checkIndex("at", this, axis, each.value as number, each.value as number);
  }
  return makeNode({ op: "load", type, args, capture: this });
}

/** Throws where an index may be outside of its axis. */
export function checkIndex(caller: string, { shape }: Captured, axis: number, low: number, high: number): void {
  const size = shape[axis] as number;
  if (low >= 0 && high < size) return;
  throw new ConfigError(`${caller}: an index may be outside of the captured tensor [${shape}]`, {
    details: [`axis ${axis}: ${low === high ? low : `${low} to ${high}`}; there are 0 to ${size - 1}`],
    fix: "capture as many elements, or bound the index: i.max(0).min(size - 1)",
  });
}

/**
 * A tensor that mask and score functions read: bias tables, slopes of heads, document numbers. Its values are no part
 * of the function's text: others compile nothing anew.
 *
 * @param values - a number, an array or a typed array, which are copied; or a tensor of a device (i32, u32, f32), for
 * score functions
 * @throws ShapeError where values do not fill the shape; ConfigError for what the type does not hold; LimitError for
 * more than four axes.
 * @example
 * ```ts
 * import { blockMask, capture } from "@dilated/sparse";
 * const documents = capture(new Int32Array([0, 0, 0, 1, 1, 2]));
 * blockMask(({ q, k }) => documents.at(q).eq(documents.at(k)), { N: 6 });
 * ```
 */
export function capture(values: Int32Array, options?: CaptureOptions): Captured<"i32">;
export function capture(values: Uint32Array, options?: CaptureOptions): Captured<"u32">;
export function capture<T extends ValueType = "f32">(
  values: HostNumbers | readonly boolean[] | number | Tensor,
  options?: CaptureOptions & { readonly type?: T | undefined },
): Captured<T>;
export function capture(
  values: HostNumbers | readonly boolean[] | number | Tensor,
  options: CaptureOptions = {},
): Captured {
  checkCall("capture", ARGUMENTS, arguments);
  if (values instanceof Tensor) return ofTensor(values, options);
  const list = typeof values === "number" ? [values] : (values as ArrayLike<number>);
  const shape = options.shape ?? (typeof values === "number" ? [] : [list.length]);
  checkShape("capture", shape);
  checkAxes(shape);
  if (sizeOf(shape) !== list.length)
    throw new ShapeError("capture: the values do not fill the shape", {
      details: [`shape: [${shape}], ${sizeOf(shape)} elements`, `values: ${list.length}`],
      fix: "pass as many values as the shape has elements",
    });
  const type = options.type ?? typeOf(values);
  return made({ type, shape, values: copied(list, type) });
}

function typeOf(values: unknown): ValueType {
  if (values instanceof Int32Array) return "i32";
  return values instanceof Uint32Array ? "u32" : "f32";
}

function ofTensor(
  tensor: Tensor,
  { shape = tensor.shape, type = tensor.dtype as ValueType }: CaptureOptions,
): Captured {
  const half = tensor.dtype === "f16";
  if (tensor.disposed || half || type !== tensor.dtype || sizeOf(shape) !== sizeOf(tensor.shape))
    throw new ConfigError("capture: a tensor is captured as it is, alive, of dtype i32, u32 or f32", {
      details: [`values: ${tensor}`, `type: ${type}`, `shape: [${shape}]`],
      fix: half ? 'cast it first: cast(x, "f32")' : "leave type and shape out",
    });
  checkAxes(shape);
  return made({ type, shape, tensor });
}

function checkAxes(shape: Shape): void {
  if (shape.length > MOST_AXES || sizeOf(shape) < 1)
    throw new LimitError(`capture: takes up to ${MOST_AXES} axes and at least one element`, {
      details: [`shape: [${shape}]`],
      fix: "join axes",
    });
}

const made = (parts: Omit<Captured, "at">): Captured =>
  Object.freeze(Object.assign(Object.create({ at }), { ...parts, shape: Object.freeze([...parts.shape]) }));

function copied(list: ArrayLike<number>, type: ValueType): CapturedValues {
  const List = ARRAYS[type];
  if (list instanceof List && type !== "f32" && type !== "bool") return list.slice();
  const values = new List(list.length);
  for (let i = 0; i < list.length; i++) {
    const value = numberOf(list[i]);
    values[i] = type === "bool" ? +(value !== 0) : value;
    const fits =
      type === "f32"
        ? Number.isFinite(values[i] as number)
        : type === "bool"
          ? value === 0 || value === 1
          : values[i] === value;
    if (!fits)
      throw new ConfigError(`capture: values must be ${type === "f32" ? "finite" : `of type ${type}`}`, {
        details: [`values[${i}]: ${show(list[i])}`],
        fix: type === "f32" ? "replace what is not finite" : 'name their type: { type: "f32" }',
      });
  }
  return values;
}

/** A number, truth value or bigint as a number, and nothing else. */
export const numberOf = (value: unknown): number =>
  ["number", "boolean", "bigint"].includes(typeof value) ? Number(value) : Number.NaN;
