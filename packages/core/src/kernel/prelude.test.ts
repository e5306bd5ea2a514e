import { validateWgsl } from "@dilated-internal/testing/validate-wgsl";
import { describe, expect, test } from "vitest";
import type { DType } from "../tensor/dtype.ts";
import { defineKernel } from "./define.ts";
import type { KernelDefinition, TensorSlot } from "./definition.ts";
import { prelude, requiredFeatures, variantKey } from "./prelude.ts";

const MAIN = "@compute @workgroup_size(64) fn main(@builtin(workgroup_id) w: vec3u)";

function kernelOf(tensors: Record<string, TensorSlot>, body: string, features: string[] = []): KernelDefinition {
  return defineKernel({
    name: "probe",
    tensors,
    scalars: { scale: "f32", count: "u32", shift: "i32" },
    wgsl: { source: `${MAIN} { ${body} }`, features: features as GPUFeatureName[] },
  });
}

describe("accessors", () => {
  const dtypes: DType[] = ["f32", "f16", "i32", "u32"];
  test.each(dtypes)("vec4 of %s compiles", async (dtype) => {
    const kernel = kernelOf(
      {
        x: { access: "read", view: "vec4" },
        y: { access: "write", view: "vec4" },
        z: { access: "read_write", view: "vec4" },
      },
      "store_y(group_index(w), load_x(0u)); store_z(1u, load_z(0u) + load_x(1u));",
    );
    expect(await validateWgsl(kernel, { dtypes: [dtype, dtype, dtype] })).toEqual([]);
  });

  test.each(dtypes)("scalar loads of %s compile", async (dtype) => {
    const kernel = kernelOf(
      { x: { access: "read", view: "scalar" }, y: { access: "write", view: "scalar" } },
      "store_y(0u, f32(load_x(params.count)) * params.scale);",
    );
    expect(await validateWgsl(kernel, { dtypes: [dtype, "f32"] })).toEqual([]);
  });

  test("raw f16 asks for the feature", async () => {
    const kernel = kernelOf({ x: { access: "read_write", view: "raw" } }, "x[0] = x[1];");
    expect(requiredFeatures(kernel, { dtypes: ["f16"] })).toEqual(["shader-f16"]);
    expect(requiredFeatures(kernel, { dtypes: ["f32"] })).toEqual([]);
    expect(await validateWgsl(kernel, { dtypes: ["f16"] })).toEqual([]);
  });

  test("f16 cannot be stored one at a time", () => {
    const kernel = kernelOf({ y: { access: "write", view: "scalar" } }, "");
    expect(() => prelude(kernel, { dtypes: ["f16"] })).toThrow(/one element at a time/);
  });
});

describe("optional tensors", () => {
  const kernel = kernelOf(
    {
      bias: { access: "read", view: "vec4", optional: true },
      mask: { access: "read", view: "scalar", dtype: "u32", optional: true },
      table: { access: "read", view: "raw", optional: true },
      y: { access: "write", view: "vec4" },
      lse: { access: "write", view: "scalar", optional: true },
    },
    `var v = vec4f(params.scale);
     if (HAS_BIAS) { v += load_bias(0u); }
     if (HAS_MASK) { v += f32(load_mask(1u) & 1u); }
     if (HAS_TABLE) { v += table[params.count]; }
     if (HAS_LSE) { store_lse(0u, v.x); }
     store_y(group_index(w), v);`,
  );

  test.each([0, 1, 7, 15])("present or absent, the body compiles (%d)", async (present) => {
    const dtypes: DType[] = ["f16", "u32", "f32", "f16", "f32"];
    const there = dtypes.map((dtype, i) => (i === 3 || (present >> (i > 3 ? i - 1 : i)) & 1 ? dtype : undefined));
    expect(await validateWgsl(kernel, { dtypes: there })).toEqual([]);
  });

  test("absent tensors have no binding, and the others keep theirs", () => {
    const text = prelude(kernel, { dtypes: [undefined, undefined, undefined, "f32", undefined] });
    expect(text.match(/@binding\(\d\)/g)).toEqual(["@binding(0)", "@binding(4)"]);
    expect(text).toContain("const HAS_BIAS: bool = false;");
  });
});

describe("constants", () => {
  const kernel = kernelOf({}, "");

  test("take their type from their value", () => {
    const text = prelude(kernel, {
      dtypes: [],
      constants: { TILE: 64, CAUSAL: true, SCALE: 0.125, TINY: 1e-7, SHIFT: -3 },
    });
    expect(text).toContain("const TILE: u32 = 64u;");
    expect(text).toContain("const CAUSAL: bool = true;");
    expect(text).toContain("const SCALE: f32 = 0.125;");
    expect(text).toContain("const TINY: f32 = 1e-7;");
    expect(text).toContain("const SHIFT: i32 = i32(-3);");
  });

  test("compile", async () => {
    const constants = { TILE: 2 ** 32 - 1, CAUSAL: false, SCALE: -0.1, TINY: 1e-30, SHIFT: -(2 ** 31) };
    expect(await validateWgsl(kernel, { dtypes: [], constants })).toEqual([]);
  });

  test.each([Number.NaN, Number.POSITIVE_INFINITY, 2 ** 32, 1e39, -(2 ** 31) - 1])("%d is refused", (value) => {
    expect(() => prelude(kernel, { dtypes: [], constants: { X: value } })).toThrow(/cannot be written in WGSL/);
  });

  test("are part of the variant's key", () => {
    const keys = [{ A: 1 }, { A: 2 }, { A: true }, { B: 1 }].map((constants) =>
      variantKey({ dtypes: ["f32"], constants }),
    );
    expect(new Set([...keys, variantKey({ dtypes: ["f16"] }), variantKey({ dtypes: [undefined] })]).size).toBe(6);
  });
});

test("MASK_VALUE is declared when it is used, and only then", async () => {
  const uses = kernelOf({ y: { access: "write", view: "scalar" } }, "store_y(0u, MASK_VALUE);");
  expect(await validateWgsl(uses, { dtypes: ["f32"] })).toEqual([]);
  expect(prelude(kernelOf({}, ""), { dtypes: [] })).not.toContain("MASK_VALUE");
});

test("features become directives in front of everything", async () => {
  const features = ["subgroups", "shader-f16", "chromium-experimental-subgroup-matrix"];
  const kernel = kernelOf({}, "var m = subgroup_matrix_result<f32, 16, 16>(); let s = subgroupAdd(f16(1));", features);
  expect(await validateWgsl(kernel, { dtypes: [] })).toEqual([]);
});

test("the validator tells what is wrong, and where", async () => {
  const [message] = await validateWgsl(kernelOf({}, "let x: u32 = params.scale;"), { dtypes: [] });
  expect(message).toMatch(/^probe \d+:\d+ .*u32.*\n {2}\| @compute/s);
});
