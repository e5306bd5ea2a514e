import { DtypeError } from "../errors/index.ts";
import type { DType } from "../tensor/dtype.ts";
import type { TensorSlot } from "./definition.ts";

const VEC4: Record<DType, string> = { f32: "vec4f", f16: "vec4f", i32: "vec4i", u32: "vec4u" };
const SCALAR: Record<DType, string> = { f32: "f32", f16: "f32", i32: "i32", u32: "u32" };

/** How one dtype is stored and reached in one view. */
interface Access {
  /** Element of the bound array. */
  readonly element: string;
  /** What `load_x` gives and `store_x` takes. */
  readonly value: string;
  /** WGSL expression that reads element `i` of `array`. */
  readonly load: (array: string) => string;
  /** WGSL statement that writes `v` to element `i`; undefined where the element cannot be written alone. */
  readonly store: ((array: string) => string) | undefined;
}

/** The binding and the accessors of one tensor, or stubs for one that is absent. */
export function tensorDeclarations(
  kernel: string,
  name: string,
  slot: TensorSlot,
  binding: number,
  dtype: DType | undefined,
): string[] {
  const has = slot.optional ? [`const HAS_${name.toUpperCase()}: bool = ${dtype !== undefined};`] : [];
  if (dtype === undefined) return [...has, ...stubs(name, slot)];
  const mode = slot.access === "read" ? "read" : "read_write";
  if (slot.view === "blocks")
    return [...has, `@group(0) @binding(${binding}) var<storage, ${mode}> ${name}: array<vec4u>;`];
  const raw = slot.view === "raw";
  const access = slot.view === "vec4" ? vec4Access(dtype) : scalarAccess(dtype);
  const array = raw ? name : `bound_${name}`;
  const lines = [
    ...has,
    `@group(0) @binding(${binding}) var<storage, ${mode}> ${array}: array<${raw ? dtype : access.element}>;`,
  ];
  if (raw) return lines;
  if (slot.access !== "write") lines.push(`fn load_${name}(i: u32) -> ${access.value} { ${access.load(array)} }`);
  if (slot.access === "read") return lines;
  if (!access.store)
    throw new DtypeError(`${kernel}: "${name}" is written one element at a time, which f16 does not allow`, {
      fix: "use the vec4 view",
    });
  lines.push(`fn store_${name}(i: u32, v: ${access.value}) { ${access.store(array)} }`);
  return lines;
}

function plain(element: string): Access {
  return { element, value: element, load: (array) => `return ${array}[i];`, store: (array) => `${array}[i] = v;` };
}

function vec4Access(dtype: DType): Access {
  if (dtype !== "f16") return plain(VEC4[dtype]);
  return {
    element: "vec2u",
    value: "vec4f",
    load: (array) => `let p = ${array}[i]; return vec4f(unpack2x16float(p.x), unpack2x16float(p.y));`,
    store: (array) => `${array}[i] = vec2u(pack2x16float(v.xy), pack2x16float(v.zw));`,
  };
}

function scalarAccess(dtype: DType): Access {
  if (dtype !== "f16") return plain(SCALAR[dtype]);
  return {
    element: "u32",
    value: "f32",
    load: (array) => `return unpack2x16float(${array}[i >> 1u])[i & 1u];`,
    store: undefined,
  };
}

/** Static bodies mention absent tensors behind `if (HAS_X)`, so those must still compile: they read as zero and swallow writes. */
function stubs(name: string, slot: TensorSlot): string[] {
  const dtype = slot.dtype ?? "f32";
  if (slot.view === "raw") return [`var<private> ${name}: array<${dtype}, 1>;`];
  if (slot.view === "blocks") return [`var<private> ${name}: array<vec4u, 1>;`];
  const value = (slot.view === "vec4" ? VEC4 : SCALAR)[dtype];
  const lines: string[] = [];
  if (slot.access !== "write") lines.push(`fn load_${name}(i: u32) -> ${value} { return ${value}(); }`);
  if (slot.access !== "read") lines.push(`fn store_${name}(i: u32, v: ${value}) {}`);
  return lines;
}
