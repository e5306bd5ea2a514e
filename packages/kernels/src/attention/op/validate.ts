import {
  ConfigError,
  checkOptions,
  type Field,
  type FieldsOf,
  field,
  LimitError,
  type Schema,
  ShapeError,
} from "@dilated/core";
import type { AttentionShapes, DilatedAttentionOptions, Shaped } from "./options.ts";

/** Widest head that the kernels hold in registers and workgroup memory. */
export const MAX_HEAD_DIM = 256;
/** Most heads: what is planned on the host takes a row a head. */
export const MAX_HEADS = 65_536;
/** Segments and dilations are u32 in the kernels, with room for a sum. */
const MAX_LENGTH = 2 ** 31 - 1;

const LENGTH = field.positiveInteger(MAX_LENGTH);

export const ATTENTION_OPTIONS: FieldsOf<DilatedAttentionOptions<Shaped>> = {
  branches: field.list(field.object({ segment: LENGTH, dilation: LENGTH }), 1),
  headOffset: field.optional(field.oneOf(["modulo", "block"])),
  remainder: field.optional(field.oneOf(["truncate", "zeroPad"])),
  gradient: field.optional(field.oneOf(["exact", "detached"])),
  heads: field.optional(field.oneOf(["all", "partitioned"])),
  causal: field.optional(field.boolean()),
  scale: field.optional(field.positive()),
  dropout: field.optional(
    field.object({
      p: field.fraction(),
      seed: field.nonNegativeInteger(),
      stream: field.optional(field.nonNegativeInteger(2 ** 16 - 1)),
    }),
  ),
  keyMask: field.optional(field.any("a mask of [B, N]")),
  cuSeqlens: field.optional(
    field.custom("a list of token positions", (value) => Array.isArray(value) || value instanceof Int32Array),
  ),
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
  const [B, N] = shapes.q as [number, number];
  const bad = [...offsetProblems(options), ...sequenceProblems(options.cuSeqlens, N)];
  if (bad.length > 0) {
    throw new ConfigError(`${caller}: ${bad.length === 1 ? "an option is" : `${bad.length} options are`} wrong`, {
      details: bad,
      fix: "correct the options listed; one that is left out takes its default",
    });
  }
  const mask = options.keyMask?.shape;
  if (options.keyMask !== undefined && !(Array.isArray(mask) && mask.length === 2 && mask[0] === B && mask[1] === N)) {
    throw new ShapeError(`${caller}: keyMask must have shape [B, N] = [${B}, ${N}]`, {
      details: [`given: ${show(mask)}`],
      fix: "pass one value a token: 1 where the key counts, 0 where it does not",
    });
  }
}

function checkShapes(caller: string, { q, k, v }: AttentionShapes): void {
  const details = [`q: ${show(q)}`, `k: ${show(k)}`, `v: ${show(v)}`];
  const fail = (summary: string, fix: string): never => {
    throw new ShapeError(`${caller}: ${summary}`, { details, fix });
  };
  const wellFormed = (shape: unknown): boolean =>
    Array.isArray(shape) && shape.length === 4 && shape.every((axis) => Number.isSafeInteger(axis) && axis >= 1);
  if (![q, k, v].every(wellFormed)) {
    fail(
      "q must have shape [B, N, H, D] and k, v [B, N, G, D], every axis at least 1",
      "reshape to four axes: batch, tokens, heads, head dim",
    );
  }
  const [B, N, H, D] = q as [number, number, number, number];
  const G = k[2] as number;
  if (k.some((axis, i) => axis !== v[i])) fail("k and v must have the same shape", "give v the shape of k");
  if (k[0] !== B || k[1] !== N || k[3] !== D)
    fail("q, k and v must agree in B, N and D", "only the number of heads may differ (grouped-query heads)");
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
  if (D % 4 !== 0)
    fail(
      `head dim D = ${D} must be a multiple of 4`,
      `pad the heads with zeros to D = ${Math.ceil(D / 4) * 4} and pass scale: 1 / sqrt(${D})`,
    );
  if (D > MAX_HEAD_DIM) {
    throw new LimitError(`${caller}: head dim D = ${D} is over the limit of ${MAX_HEAD_DIM}`, {
      details,
      fix: "use more heads of at most 256",
    });
  }
}

function offsetProblems({ heads, headOffset }: DilatedAttentionOptions<Shaped>): string[] {
  if (!(heads === "partitioned" && headOffset === "block")) return [];
  return [
    'headOffset: "block" has no meaning with heads: "partitioned", which fixes the offset to the branch index mod r',
  ];
}

function sequenceProblems(bounds: ArrayLike<number> | undefined, N: number): string[] {
  if (bounds === undefined) return [];
  const list: unknown[] = Array.from(bounds);
  const bad: string[] = [];
  if (list.length < 2) return [`cuSeqlens: needs at least [0, N] = [0, ${N}], given ${show(list)}`];
  if (list[0] !== 0) bad.push(`cuSeqlens[0]: must be 0, given ${show(list[0])}`);
  const last = list.length - 1;
  if (list[last] !== N) bad.push(`cuSeqlens[${last}]: must be N = ${N}, given ${show(list[last])}`);
  const wrong = list.findIndex(
    (bound, i) => !Number.isSafeInteger(bound) || (i > 0 && !((bound as number) > (list[i - 1] as number))),
  );
  if (wrong >= 0)
    bad.push(`cuSeqlens[${wrong}]: must be an integer greater than the one before it, given ${show(list[wrong])}`);
  return bad;
}

function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  return typeof value === "string"
    ? `"${value}"`
    : typeof value === "object" && value !== null
      ? "an object"
      : String(value);
}
