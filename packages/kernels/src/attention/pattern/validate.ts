import {
  ConfigError,
  checkOptions,
  type Field,
  type FieldsOf,
  field,
  LimitError,
  type Schema,
  ShapeError,
  show,
} from "@dilated/core";
import type { AttentionShapes, DilatedAttentionOptions, Shaped, Window } from "./options.ts";

/** Widest head that the kernels hold in registers and workgroup memory. */
export const MAX_HEAD_DIM = 256;
/** Most heads: what is planned on the host takes a row a head. */
export const MAX_HEADS = 65_536;
/** Segments and dilations are u32 in the kernels, with room for a sum. */
const MAX_LENGTH = 2 ** 31 - 1;

const LENGTH = field.positiveInteger(MAX_LENGTH);
/** Positions, whose differences and bounds are i32 in the kernels. */
const MAX_POSITION = 2 ** 30;

const reaches = (value: unknown): boolean =>
  value === Number.POSITIVE_INFINITY || (Number.isSafeInteger(value) && (value as number) >= 0);
const WINDOW = field.optional(
  field.custom<Window>(
    "[left, right] in tokens, each an integer from 0 or Infinity",
    (value) => Array.isArray(value) && value.length === 2 && value.every(reaches),
  ),
);
const BOUNDS = field.optional(
  field.custom<readonly number[] | Int32Array>(
    "a list of token positions",
    (value) => Array.isArray(value) || value instanceof Int32Array,
  ),
);

export const ATTENTION_OPTIONS: FieldsOf<DilatedAttentionOptions<Shaped>> = {
  branches: field.list(field.object({ segment: LENGTH, dilation: LENGTH, window: WINDOW }), 1),
  headOffset: field.optional(field.oneOf(["modulo", "block"])),
  remainder: field.optional(field.oneOf(["truncate", "zeroPad"])),
  gradient: field.optional(field.oneOf(["exact", "detached"])),
  heads: field.optional(field.oneOf(["all", "partitioned"])),
  causal: field.optional(field.boolean()),
  window: WINDOW,
  queryOffset: field.optional(field.nonNegativeInteger(MAX_POSITION)),
  softcap: field.optional(field.positive()),
  scale: field.optional(field.positive()),
  dropout: field.optional(
    field.object({
      p: field.fraction(),
      seed: field.nonNegativeInteger(),
      stream: field.optional(field.nonNegativeInteger(2 ** 16 - 1)),
    }),
  ),
  keyMask: field.optional(field.any("a mask of [B, N]")),
  cuSeqlens: BOUNDS,
  cuSeqlensK: BOUNDS,
};

/** The mask as calls take it; where only sizes matter, anything with a shape will do. */
export const KEY_MASK: Field<unknown> = field.optional(field.either(field.tensor(), field.numbers()));

/** The operands of an attention call, for `checkCall`. */
export const OPERANDS: Schema = { q: field.tensor(), k: field.tensor(), v: field.tensor() };

/** Throws a typed error unless shapes and options are right; see `resolveAttentionOptions`. */
export function checkAttentionOptions(
  caller: string,
  shapes: AttentionShapes,
  options: DilatedAttentionOptions<Shaped>,
): void {
  checkShapes(caller, shapes);
  checkOptions(caller, ATTENTION_OPTIONS, options);
  const [B, N, H] = shapes.q as [number, number, number];
  const M = shapes.k[1] as number;
  const bad = [
    ...offsetProblems(options),
    ...sequenceProblems("cuSeqlens", "N", options.cuSeqlens, N),
    ...sequenceProblems("cuSeqlensK", "M", options.cuSeqlensK, M),
    ...pairProblems(options, N, M),
  ];
  if (bad.length > 0) {
    throw new ConfigError(`${caller}: ${bad.length === 1 ? "an option is" : `${bad.length} options are`} wrong`, {
      details: bad,
      fix: "correct the options listed; one that is left out takes its default",
    });
  }
  if (options.keyMask !== undefined) checkMaskShape(caller, options.keyMask.shape, [B, M]);
  checkLengths(caller, { B, N: N + (options.queryOffset ?? 0), M, H, rows: B * H * N });
}

/** Throws unless a key mask has a value for each key. */
export function checkMaskShape(caller: string, shape: unknown, [B, M]: readonly [B: number, M: number]): void {
  if (Array.isArray(shape) && shape.length === 2 && shape[0] === B && shape[1] === M) return;
  throw new ShapeError(`${caller}: keyMask must have shape [B, M] = [${B}, ${M}]`, {
    details: [`given: ${show(shape)}`],
    fix: "pass one value a token: 1 where the key counts, 0 where it does not",
  });
}

/** Throws where positions, up to N or M, or rows are more than the kernels count. */
export function checkLengths(
  caller: string,
  { B, N, M, H, rows = B * H * N }: Readonly<Record<"B" | "N" | "M" | "H", number>> & { readonly rows?: number },
): void {
  const span = Math.max(M, N);
  if (span > MAX_POSITION || rows >= 2 ** 32) {
    throw new LimitError(`${caller}: the call is too long`, {
      details: [`positions up to ${span}; limit ${MAX_POSITION}`, `rows B·H·N = ${rows}; limit ${2 ** 32 - 1}`],
      fix: "give fewer heads, batch rows or tokens at a time",
    });
  }
}

/** What queries and keys of different number, or at different positions, do not go with. */
function pairProblems(options: DilatedAttentionOptions<Shaped>, N: number, M: number): string[] {
  const { cuSeqlens, cuSeqlensK, queryOffset = 0, remainder, window, branches } = options;
  const bad: string[] = [];
  if (cuSeqlensK && !cuSeqlens)
    bad.push("cuSeqlensK: needs cuSeqlens, the boundaries of the queries of the same sequences");
  if (cuSeqlens && !cuSeqlensK && N !== M)
    bad.push(`cuSeqlens: bounds N = ${N} queries; M = ${M} keys need their own in cuSeqlensK`);
  if (cuSeqlens && cuSeqlensK && cuSeqlens.length !== cuSeqlensK.length)
    bad.push(
      `cuSeqlensK: must bound as many sequences as cuSeqlens, ${cuSeqlens.length - 1}, given ${cuSeqlensK.length - 1}`,
    );
  if (remainder === "zeroPad") {
    const same = N === M && queryOffset === 0 && cuSeqlensK === undefined;
    // One segment of all keys has no padding.
    const whole = branches.every(({ segment, dilation }) => dilation === 1 && segment >= Math.max(M, N + queryOffset));
    if (!same && !whole)
      bad.push(
        'remainder: "zeroPad" needs queries and keys to be the same tokens: N = M, no queryOffset, no cuSeqlensK',
      );
    if (window || branches.some((branch) => branch.window))
      bad.push('remainder: "zeroPad" has no meaning with a window: padding keys have no position');
  }
  return bad;
}

/** Throws unless the shapes fit together. */
export function checkShapes(caller: string, { q, k, v }: AttentionShapes): void {
  const details = [`q: ${show(q)}`, `k: ${show(k)}`, `v: ${show(v)}`];
  const fail = (summary: string, fix: string): never => {
    throw new ShapeError(`${caller}: ${summary}`, { details, fix });
  };
  const wellFormed = (shape: unknown): boolean =>
    Array.isArray(shape) && shape.length === 4 && shape.every((axis) => Number.isSafeInteger(axis) && axis >= 1);
  if (![q, k, v].every(wellFormed)) {
    fail(
      "q must have shape [B, N, H, D], k [B, M, G, D] and v [B, M, G, Dv], every axis at least 1",
      "reshape to four axes: batch, tokens, heads, head dim",
    );
  }
  const [B, _N, H, D] = q as [number, number, number, number];
  const G = k[2] as number;
  if (k.some((axis, i) => i < 3 && axis !== v[i]))
    fail("k and v must have the same shape but for the head dim", "give v the batch, tokens and heads of k");
  if (k[0] !== B || k[3] !== D)
    fail(
      "q and k must agree in B and D",
      "only the number of tokens and of heads (grouped-query heads), and the head dim of v, may differ",
    );
  if (H > MAX_HEADS)
    throw new LimitError(`${caller}: H = ${H} heads are over the limit of ${MAX_HEADS}`, {
      details,
      fix: "move some of them into the batch axis",
    });
  if (H % G !== 0)
    fail(
      `the number of query heads H = ${H} must be a multiple of the number of key/value heads G = ${G}`,
      "choose G among the divisors of H",
    );
  const scale = ` and pass scale: 1 / sqrt(${D})`;
  for (const [name, dim] of [
    ["D", D],
    ["Dv", v[3] as number],
  ] as const) {
    if (dim % 4 !== 0)
      fail(
        `head dim ${name} = ${dim} must be a multiple of 4`,
        `pad the heads with zeros to ${name} = ${Math.ceil(dim / 4) * 4}${name === "D" ? scale : ""}`,
      );
    if (dim > MAX_HEAD_DIM) {
      throw new LimitError(`${caller}: head dim ${name} = ${dim} is over the limit of ${MAX_HEAD_DIM}`, {
        details,
        fix: "use more heads of at most 256",
      });
    }
  }
}

function offsetProblems({ heads, headOffset }: DilatedAttentionOptions<Shaped>): string[] {
  if (!(heads === "partitioned" && headOffset === "block")) return [];
  return [
    'headOffset: "block" has no meaning with heads: "partitioned", which fixes the offset to the branch index mod r',
  ];
}

function sequenceProblems(
  name: string,
  letter: string,
  bounds: ArrayLike<number> | undefined,
  length: number,
): string[] {
  if (bounds === undefined) return [];
  const bad: string[] = [];
  if (bounds.length < 2) return [`${name}: needs at least [0, ${letter}] = [0, ${length}], given ${show(bounds)}`];
  if (bounds[0] !== 0) bad.push(`${name}[0]: must be 0, given ${show(bounds[0])}`);
  const last = bounds.length - 1;
  if (bounds[last] !== length) bad.push(`${name}[${last}]: must be ${letter} = ${length}, given ${show(bounds[last])}`);
  // In place, and no further than the first that is wrong: there may be 2^32 holes.
  for (let i = 0, before = Number.NEGATIVE_INFINITY; i <= last; i++) {
    const bound: unknown = bounds[i];
    if (!Number.isSafeInteger(bound) || (bound as number) < before) {
      bad.push(`${name}[${i}]: must be an integer, not less than the one before it, given ${show(bound)}`);
      break;
    }
    before = bound as number;
  }
  return bad;
}
