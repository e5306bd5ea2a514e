import { ConfigError, LimitError, ShapeError } from "@dilated/core";
import type { AttentionShapes, DilatedAttentionOptions, Shaped } from "./attention.options.ts";

/** Widest head that the kernels hold in registers and workgroup memory. */
export const MAX_HEAD_DIM = 256;
/** Segments and dilations are u32 in the kernels, with room for a sum. */
const MAX_LENGTH = 2 ** 31 - 1;

const ENUMS = {
  headOffset: ["modulo", "block"],
  remainder: ["truncate", "zeroPad"],
  gradient: ["exact", "detached"],
  heads: ["all", "partitioned"],
} as const;

const KNOWN = [
  "branches",
  "headOffset",
  "remainder",
  "gradient",
  "heads",
  "causal",
  "scale",
  "dropout",
  "keyMask",
  "cuSeqlens",
];

/** Throws a typed error unless shapes and options are right; see `resolveAttentionOptions`. */
export function checkAttentionOptions(
  caller: string,
  shapes: AttentionShapes,
  options: DilatedAttentionOptions<Shaped>,
): void {
  checkShapes(caller, shapes);
  if (!isRecord(options)) {
    throw new ConfigError(`${caller}: options must be an object`, {
      details: [`given: ${show(options)}`],
      fix: "pass { branches: [{ segment: 2048, dilation: 1 }] }",
    });
  }
  const [B, N] = shapes.q as [number, number];
  const bad = [
    ...unknownKeys("options", options, KNOWN),
    ...branchProblems(options.branches),
    ...enumProblems(options),
    ...scalarProblems(options),
    ...dropoutProblems(options.dropout),
    ...sequenceProblems(options.cuSeqlens, N),
  ];
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

function branchProblems(branches: unknown): string[] {
  if (!Array.isArray(branches)) return [`branches: must be a list of { segment, dilation }, given ${show(branches)}`];
  if (branches.length === 0) return ["branches: must hold at least one branch"];
  return branches.flatMap((branch: unknown, i) => {
    const name = `branches[${i}]`;
    if (!isRecord(branch)) return [`${name}: must be { segment, dilation }, given ${show(branch)}`];
    const fields = (["segment", "dilation"] as const).filter((field) => !isLength(branch[field]));
    return [
      ...unknownKeys(name, branch, ["segment", "dilation"]),
      ...fields.map(
        (field) => `${name}.${field}: must be an integer from 1 to ${MAX_LENGTH}, given ${show(branch[field])}`,
      ),
    ];
  });
}

function enumProblems(options: DilatedAttentionOptions<Shaped>): string[] {
  const bad = Object.entries(ENUMS).flatMap(([field, values]) => {
    const given = options[field as keyof typeof ENUMS];
    if (given === undefined || (values as readonly unknown[]).includes(given)) return [];
    return [`${field}: must be ${values.map((value) => `"${value}"`).join(" or ")}, given ${show(given)}`];
  });
  if (options.heads === "partitioned" && options.headOffset === "block") {
    bad.push(
      'headOffset: "block" has no meaning with heads: "partitioned", which fixes the offset to the branch index mod r',
    );
  }
  return bad;
}

function scalarProblems({ causal, scale }: DilatedAttentionOptions<Shaped>): string[] {
  const bad: string[] = [];
  if (causal !== undefined && typeof causal !== "boolean")
    bad.push(`causal: must be true or false, given ${show(causal)}`);
  if (scale !== undefined && !(typeof scale === "number" && Number.isFinite(scale) && scale > 0)) {
    bad.push(`scale: must be a finite positive number, given ${show(scale)}`);
  }
  return bad;
}

function dropoutProblems(dropout: unknown): string[] {
  if (dropout === undefined) return [];
  if (!isRecord(dropout)) return [`dropout: must be { p, seed }, given ${show(dropout)}`];
  const { p, seed } = dropout;
  const bad = unknownKeys("dropout", dropout, ["p", "seed"]);
  if (!(typeof p === "number" && p >= 0 && p < 1)) bad.push(`dropout.p: must be in [0, 1), given ${show(p)}`);
  if (!(Number.isSafeInteger(seed) && (seed as number) >= 0))
    bad.push(`dropout.seed: must be a non-negative safe integer, given ${show(seed)}`);
  return bad;
}

function sequenceProblems(bounds: unknown, N: number): string[] {
  if (bounds === undefined) return [];
  if (!(Array.isArray(bounds) || bounds instanceof Int32Array))
    return [`cuSeqlens: must be a list of token positions, given ${show(bounds)}`];
  const list: unknown[] = [...bounds];
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

function unknownKeys(name: string, value: object, known: readonly string[]): string[] {
  return Object.keys(value)
    .filter((key) => !known.includes(key))
    .map((key) => `${name}: unknown key ${show(key)}; known are ${known.join(", ")}`);
}

function isLength(value: unknown): boolean {
  return Number.isSafeInteger(value) && (value as number) >= 1 && (value as number) <= MAX_LENGTH;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(show).join(", ")}]`;
  return typeof value === "string"
    ? `"${value}"`
    : typeof value === "object" && value !== null
      ? "an object"
      : String(value);
}
