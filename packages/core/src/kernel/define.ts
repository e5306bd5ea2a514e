import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { isPlain } from "../config/plain.ts";
import { ConfigError } from "../errors/index.ts";
import { BYTES } from "../tensor/dtype.ts";
import type { KernelCall, KernelDefinition, TensorSlot } from "./definition.ts";

const SLOT = field.object<field.FieldsOf<TensorSlot>>({
  access: field.oneOf(["read", "write", "read_write"]),
  view: field.oneOf(["scalar", "vec4", "raw", "blocks"]),
  dtype: field.optional(field.oneOf(Object.keys(BYTES))),
  optional: field.optional(field.boolean()),
});
const DEFINITION: field.FieldsOf<KernelDefinition> = {
  name: field.string(),
  tensors: field.record(SLOT),
  scalars: field.record(field.oneOf(["f32", "i32", "u32"])),
  wgsl: field.optional(field.having({ source: field.string(), features: field.optional(field.list(field.string())) })),
  wasm: field.optional(field.having({ module: field.custom("a module", isPlain), entry: field.string() })),
};
const DEFINE = { definition: field.object(DEFINITION) };

/** What one launch is given; `bindCall` checks it against the definition. */
export const KERNEL_CALL: field.FieldsOf<KernelCall> = {
  tensors: field.any("an object of tensors"),
  scalars: field.any("an object of numbers"),
  constants: field.optional(field.any("an object of numbers")),
  groups: field.any("a number of workgroups"),
  items: field.any("a number of work items"),
  scratchBytes: field.optional(field.nonNegativeInteger()),
  flops: field.optional(field.number(0)),
  mostFlops: field.optional(field.number(0)),
};

const IDENTIFIER = /^[a-z][A-Za-z0-9_]*$/;

/**
 * Declares a kernel of your own. Checks names and slots once; the result is frozen data for `device.run`.
 *
 * @example
 * ```ts
 * import { defineKernel, openDevice } from "@dilated/core";
 * const square = defineKernel({
 *   name: "square",
 *   tensors: { x: { access: "read", view: "vec4" }, y: { access: "write", view: "vec4" } },
 *   scalars: { count: "u32" },
 *   wgsl: { source: `
 *     @compute @workgroup_size(64)
 *     fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
 *       let i = group_index(w) * 64u + lane;
 *       if (i < params.count) { store_y(i, load_x(i) * load_x(i)); }
 *     }` },
 * });
 * ```
 */
export function defineKernel<T extends string, P extends string>(
  definition: KernelDefinition<T, P>,
): KernelDefinition<T, P> {
  checkCall("defineKernel", DEFINE, arguments);
  const names = [...Object.keys(definition.tensors), ...Object.keys(definition.scalars)];
  const bad = names.filter((name) => !IDENTIFIER.test(name));
  const twice = names.filter((name, i) => names.indexOf(name) !== i);
  const details = [
    ...bad.map((name) => `${name}: not an identifier that WGSL accepts (lower-case first letter)`),
    ...twice.map((name) => `${name}: used for a tensor and a scalar`),
    ...(definition.wgsl || definition.wasm ? [] : ["neither wgsl nor wasm is given: no device could run it"]),
  ];
  if (details.length > 0) {
    throw new ConfigError(`defineKernel: kernel "${definition.name}" is not well formed`, {
      details,
      fix: "rename or complete the fields above",
    });
  }
  return Object.freeze({ ...definition });
}
