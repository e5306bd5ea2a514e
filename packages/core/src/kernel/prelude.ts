import { ConfigError, FeatureError } from "../errors/index.ts";
import type { DType } from "../tensor/dtype.ts";
import { tensorDeclarations } from "./accessors.ts";
import type { KernelDefinition } from "./definition.ts";
import { expandWgsl, type Names } from "./expand.ts";

/** What, besides the kernel, decides its WGSL: the dtypes of the tensors that are there, in slot order, and the constants. */
export interface KernelVariant {
  /** One a slot; undefined for an optional tensor that is absent. */
  readonly dtypes: readonly (DType | undefined)[];
  readonly constants?: Readonly<Record<string, number | boolean>> | undefined;
}

/** Short text that is equal for equal variants of one kernel. */
export function variantKey({ dtypes, constants = {} }: KernelVariant): string {
  let key = "";
  for (const dtype of dtypes) key += dtype ?? "-";
  for (const name in constants) key += `|${name}=${constants[name]}`;
  return key;
}

/** WebGPU features that a variant needs: those that its body names, and f16 for raw half-precision arrays. */
export function requiredFeatures(kernel: KernelDefinition, variant: KernelVariant): string[] {
  const features = new Set(kernel.wgsl?.features ?? []);
  const rawHalf = Object.values(kernel.tensors).some((slot, i) => slot.view === "raw" && variant.dtypes[i] === "f16");
  if (rawHalf) features.add("shader-f16");
  return [...features];
}

/** The complete WGSL of a variant: directives, `params`, constants, tensors and their accessors, `group_index`, then the body. */
export function wgslOf(kernel: KernelDefinition, variant: KernelVariant): string {
  const { source } = kernel.wgsl ?? {};
  if (source === undefined) throw new FeatureError(`${kernel.name}: this kernel has no WGSL body`);
  return `${prelude(kernel, variant)}\n${expandWgsl(kernel.name, source, namesOf(kernel, variant))}`;
}

/** What a body's directives may name. */
function namesOf({ tensors }: KernelDefinition, { dtypes, constants = {} }: KernelVariant): Names {
  const optional = Object.entries(tensors).map(([name, slot], i) =>
    slot.optional ? [[`HAS_${name.toUpperCase()}`, dtypes[i] !== undefined] as const] : [],
  );
  return { ...constants, ...Object.fromEntries(optional.flat()) };
}

/** What stands in front of the body; `definition.ts` says what it promises. */
export function prelude(kernel: KernelDefinition, variant: KernelVariant): string {
  const lines = [
    ...requiredFeatures(kernel, variant).flatMap(directives),
    "struct Params {",
    ...Object.entries(kernel.scalars).map(([name, type]) => `  ${name}: ${type},`),
    // `group_count` is where this launch ends: a long one is cut in pieces that start at `group_base`.
    "  group_base: u32, group_count: u32, group_fold_x: u32, group_fold_y: u32,",
    "}",
    "@group(0) @binding(0) var<uniform> params: Params;",
    ...Object.entries(variant.constants ?? {}).map(([name, value]) => constant(kernel.name, name, value)),
    ...Object.entries(kernel.tensors).flatMap(([name, slot], i) =>
      tensorDeclarations(kernel.name, name, slot, i + 1, variant.dtypes[i]),
    ),
    "fn group_index(w: vec3u) -> u32 { return params.group_base + w.x + params.group_fold_x * (w.y + params.group_fold_y * w.z); }",
  ];
  if (wantsMask(kernel.wgsl?.source ?? "")) lines.push("const MASK_VALUE: f32 = -3.4028234663852886e38;");
  return lines.join("\n");
}

/** The lowest finite f32, declared only for bodies that use it and do not declare their own: masks are finite, never infinities. */
function wantsMask(source: string): boolean {
  return /\bMASK_VALUE\b/.test(source) && !/\bconst\s+MASK_VALUE\b/.test(source);
}

function directives(name: string): string[] {
  if (name === "shader-f16") return ["enable f16;"];
  if (name !== "chromium-experimental-subgroup-matrix") return [`enable ${name.replaceAll("-", "_")};`];
  // Branches around matrix and subgroup operations are uniform by the kernel's own argument, which the compiler cannot follow.
  return [
    "enable chromium_experimental_subgroup_matrix;",
    "diagnostic(off, chromium.subgroup_matrix_uniformity);",
    "diagnostic(off, subgroup_uniformity);",
  ];
}

function constant(kernel: string, name: string, value: number | boolean): string {
  const [type, text] = typeof value === "boolean" ? ["bool", String(value)] : literal(value);
  if (text === undefined || !/^[A-Za-z][A-Za-z0-9_]*$/.test(name)) {
    throw new ConfigError(`${kernel}: constant ${name} = ${value} cannot be written in WGSL`, {
      fix: "use a boolean, a 32-bit integer or a finite f32, under a name that WGSL accepts",
    });
  }
  return `const ${name}: ${type} = ${text};`;
}

function literal(value: number): [string, string | undefined] {
  if (!Number.isInteger(value)) return ["f32", Number.isFinite(Math.fround(value)) ? String(value) : undefined];
  if (value >= 0) return ["u32", value < 2 ** 32 ? `${value}u` : undefined];
  return ["i32", value >= -(2 ** 31) ? `i32(${value})` : undefined];
}
