import { fc, test as property } from "@fast-check/vitest";
import { describe, expect, it, vi } from "vitest";
import { FormatError, ShapeError } from "../errors/index.ts";
import { f32ToF16 } from "../tensor/float16.ts";
import { readSafetensors, type StoredTensor } from "./read.ts";
import { STORED_FORMS, type StoredType } from "./stored-types.ts";
import { type TensorToWrite, writeSafetensors } from "./write.ts";

/** A file with this header, as text or as a value, and so many bytes of data. */
function file(header: unknown, dataBytes = 0, length?: number): Uint8Array {
  const text = new TextEncoder().encode(typeof header === "string" ? header : JSON.stringify(header));
  const bytes = new Uint8Array(8 + text.length + dataBytes);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length ?? text.length), true);
  bytes.set(text, 8);
  return bytes;
}

const f32 = (shape: unknown, data_offsets: unknown) => ({ dtype: "F32", shape, data_offsets });

describe("writeSafetensors", () => {
  it("writes what readSafetensors reads", () => {
    const bytes = writeSafetensors(
      {
        h: { dtype: "f16", shape: [3], data: [1, -2.5, 65504] },
        a: { dtype: "f32", shape: [2, 2], data: [1, 2, 3, Math.PI] },
        i: { dtype: "i32", shape: [], data: [-7] },
        u: { dtype: "u32", shape: [1], data: [2 ** 32 - 1] },
        none: { dtype: "f32", shape: [0, 5], data: [] },
      },
      { format: "dilated", note: "ünï" },
    );
    const { metadata, tensors } = readSafetensors(bytes);
    expect(metadata).toEqual({ format: "dilated", note: "ünï" });
    expect(tensors.get("a")).toMatchObject({ dtype: "f32", shape: [2, 2], data: new Float32Array([1, 2, 3, Math.PI]) });
    expect(tensors.get("h")).toMatchObject({ dtype: "f16", shape: [3], data: f32ToF16([1, -2.5, 65504]) });
    expect(tensors.get("i")?.data).toEqual(new Int32Array([-7]));
    expect(tensors.get("u")?.data).toEqual(new Uint32Array([2 ** 32 - 1]));
    expect(tensors.get("none")?.shape).toEqual([0, 5]);
  });

  it("gives the same bytes in whatever order tensors come, and aligns the data", () => {
    const a = ["a", { dtype: "f32", shape: [1], data: [1] }] as const;
    const b = ["b", { dtype: "f16", shape: [1], data: [2] }] as const;
    const bytes = writeSafetensors([a, b], { x: "1", y: "2" });
    expect(writeSafetensors(new Map<string, TensorToWrite>([b, a]), { y: "2", x: "1" })).toEqual(bytes);
    expect(new DataView(bytes.buffer).getUint32(0, true) % 8).toBe(0);
  });

  it("refuses names that do not work and arrays that do not fit", () => {
    const one = { dtype: "f32", shape: [1], data: [1] } as const;
    expect(() => writeSafetensors({ __metadata__: one })).toThrow(/reserved/);
    expect(() =>
      writeSafetensors([
        ["x", one],
        ["x", one],
      ]),
    ).toThrow(/twice/);
    expect(() => writeSafetensors({ x: { ...one, shape: [2] } })).toThrow(ShapeError);
  });
});

describe("readSafetensors", () => {
  it("widens BF16, and reads from an address that is not aligned", () => {
    const header = { __metadata__: {}, x: { dtype: "BF16", shape: [2], data_offsets: [0, 4] } };
    const bytes = file(header, 4);
    bytes.set([0x80, 0x3f, 0x20, 0xc1], bytes.length - 4);
    const shifted = new Uint8Array(bytes.length + 1);
    shifted.set(bytes, 1);
    expect(readSafetensors(bytes).tensors.get("x")?.data).toEqual(new Float32Array([1, -10]));
    expect(readSafetensors(shifted.subarray(1)).tensors.get("x")?.data).toEqual(new Float32Array([1, -10]));
  });

  it("reads a Buffer of Node at any address, whose slice() is no copy", () => {
    const bytes = writeSafetensors({ x: { dtype: "f32", shape: [2], data: Float32Array.of(1, -10) } });
    for (let shift = 0; shift < 8; shift++) {
      const part = Buffer.concat([Buffer.alloc(shift, 7), bytes]).subarray(shift);
      expect(readSafetensors(part).tensors.get("x")?.data).toEqual(Float32Array.of(1, -10));
    }
  });

  const stored: Record<StoredType, [bytes: number[], dtype: string, values: number[]]> = {
    F64: [[0, 0, 0, 0, 0, 0, 4, 192], "f32", [-2.5]],
    F32: [[0, 0, 32, 192], "f32", [-2.5]],
    F16: [[0, 0xc1], "f16", [0xc100]],
    BF16: [[0x80, 0x3f, 0x20, 0xc1, 0x80, 0xff], "f32", [1, -10, -Infinity]],
    F8_E4M3: [[0x38, 0x7e, 0x01, 0xff, 0x80], "f32", [1, 448, 2 ** -9, NaN, -0]],
    F8_E5M2: [[0x3c, 0xc0, 0x01, 0x7c, 0x7d], "f32", [1, -2, 2 ** -16, Infinity, NaN]],
    I64: [[255, 255, 255, 255, 255, 255, 255, 255], "i32", [-1]],
    I32: [[254, 255, 255, 255], "i32", [-2]],
    I16: [[0, 128], "i32", [-(2 ** 15)]],
    I8: [[128, 127], "i32", [-128, 127]],
    U64: [[255, 255, 255, 255, 0, 0, 0, 0], "u32", [2 ** 32 - 1]],
    U32: [[255, 255, 255, 255], "u32", [2 ** 32 - 1]],
    U16: [[255, 255], "u32", [65535]],
    U8: [[0, 255], "u32", [0, 255]],
    BOOL: [[0, 1], "u32", [0, 1]],
  };
  it.each(Object.keys(stored) as StoredType[])("reads %s, and writes it back as it is stored", (type) => {
    const [data, dtype, values] = stored[type];
    const shape = [data.length / STORED_FORMS[type].width];
    const bytes = Uint8Array.from(data);
    const read = readSafetensors(writeSafetensors({ x: { stored: type, shape, bytes } })).tensors.get("x");
    expect(read).toMatchObject({ stored: type, dtype, shape });
    expect([...(read?.bytes ?? [])]).toEqual(data);
    expect([...(read?.data ?? [])]).toEqual(values);
  });

  it("takes no type that it cannot convert for damage, nor a 64-bit integer that does not fit", () => {
    const header = {
      big: { dtype: "I64", shape: [1], data_offsets: [0, 8] },
      w: f32([1], [8, 12]),
      new: { dtype: "F4_E2M1", shape: [8], data_offsets: [12, 16] },
    };
    const bytes = file(header, 16);
    bytes[bytes.length - 10] = 1;
    const { tensors } = readSafetensors(bytes);
    expect([...(tensors.get("w")?.data ?? [])]).toEqual([0]);
    expect(() => tensors.get("big")?.data).toThrow(/"big" \(I64\): element 0 is 281474976710656, beyond i32/);
    expect(() => tensors.get("new")?.data).toThrow(/F4_E2M1.*no dtype here holds/);
    expect([tensors.get("new")?.bytes.length, tensors.get("big")?.bytes.length]).toEqual([4, 8]);
  });

  const hostile: [name: string, bytes: Uint8Array, message: RegExp][] = [
    ["an empty file", new Uint8Array(0), /0 bytes/],
    ["a header longer than the file", file({}, 0, 100), /header of 100 bytes in a file of 10/],
    ["a header over 100 MB", file({}, 0, 100_000_001), /at most 100000000/],
    ["a header length over 2^53", file({}, 0, 2 ** 63), /at most/],
    ["an empty header", file("", 0), /does not start/],
    ["a byte order mark", file("\ufeff{}", 0), /does not start/],
    ["text that is not JSON", file("{]", 0), /not JSON/],
    [
      "text that is not UTF-8",
      (() => {
        const f = file('{"xx":1}');
        f[10] = 0xff;
        return f;
      })(),
      /not UTF-8/,
    ],
    ["a list", file("[]", 0), /does not start/],
    ["a tensor that is no object", file({ x: 3 }), /not described/],
    [
      "a repeated name",
      file(
        '{"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},"\\u0078":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}',
        4,
      ),
      /name "x" twice/,
    ],
    [
      "a repeated field",
      file('{"x":{"dtype":"F32","dtype":"F16","shape":[2],"data_offsets":[0,4]}}', 4),
      /name "dtype" twice/,
    ],
    [
      "a float as a count",
      file('{"x":{"dtype":"F32","shape":[1.0],"data_offsets":[0,4]}}', 4),
      /shape that is not a list of counts/,
    ],
    ["an exponent", file('{"x":{"dtype":"F32","shape":[1e0],"data_offsets":[0,4]}}', 4), /not a list of counts/],
    ["a leading zero", file('{"x":{"dtype":"F32","shape":[01],"data_offsets":[0,4]}}', 4), /not a list of counts/],
    ["a negative axis", file({ x: f32([-1], [0, 4]) }, 4), /not a list of counts/],
    [
      "a count over 2^53",
      file('{"x":{"dtype":"F32","shape":[9007199254740993],"data_offsets":[0,4]}}', 4),
      /list of counts/,
    ],
    ["a shape that overflows", file({ x: f32([2 ** 50, 2 ** 50, 2 ** 50], [0, 4]) }, 4), /needs/],
    ["a shape that is no list", file({ x: f32("4", [0, 4]) }, 4), /list of counts/],
    ["three offsets", file({ x: f32([1], [0, 4, 8]) }, 8), /two counts/],
    ["offsets in the wrong order", file({ x: f32([1], [4, 0]) }, 4), /before it begins/],
    ["a size that does not match", file({ x: f32([2], [0, 4]) }, 4), /needs 8 bytes/],
    ["data behind the end", file({ x: f32([1], [0, 4]) }, 0), /holds 0 bytes/],
    ["an overlap", file({ x: f32([2], [0, 8]), y: f32([1], [4, 8]) }, 8), /inside the tensor before/],
    ["a hole", file({ x: f32([1], [0, 4]), y: f32([1], [8, 12]) }, 12), /hole of 4 bytes/],
    ["bytes of no tensor", file({ x: f32([1], [0, 4]) }, 8), /4 bytes behind/],
    [
      "a dtype from the prototype",
      file({ x: { dtype: "toString", shape: [1], data_offsets: [0, 8] } }, 8),
      /dtype "toString"/,
    ],
    ["an unknown field", file({ x: { ...f32([1], [0, 4]), more: 1 } }, 4), /unknown field/],
    ["a missing field", file({ x: { dtype: "F32", shape: [1] } }, 4), /not all of dtype, shape, data_offsets/],
    ["a name that ends in the middle", file('{"x'), /not JSON: the end at character 3/],
    ["a line break in a name", file('{"x\n":{}}'), /not JSON: "\\n" at character 3/],
    ["an escape that is none", file('{"\\q":{}}'), /not JSON/],
    ["a comma at the end", file(`${JSON.stringify({ x: f32([1], [0, 4]) }).slice(0, -1)},}`, 4), /not JSON/],
    ["something behind the header", file("{}{}"), /not JSON: "\{" at character 2/],
    ["metadata twice", file('{"__metadata__":{},"__metadata__":{}}'), /"__metadata__" twice/],
    ["a note twice", file('{"__metadata__":{"a":"1","\\u0061":"2"}}'), /"a" twice/],
    ["metadata that is no object of strings", file({ __metadata__: { a: 1 } }), /__metadata__/],
    ["deep nesting", file(`{"x":${"[".repeat(50_000)}${"]".repeat(50_000)}}`), /not described by an object/],
  ];
  it.each(hostile)("refuses %s", (_name, bytes, message) => {
    expect(() => readSafetensors(bytes)).toThrow(FormatError);
    expect(() => readSafetensors(bytes)).toThrow(message);
  });

  it("takes a million tensors of a stranger in a walk over the header, and makes those that are asked for", () => {
    const count = 2 ** 14 + 1;
    const names = Array.from({ length: count }, (_, i) => `t${i}`);
    const header = Object.fromEntries(names.map((name, i) => [name, f32([1], [4 * i, 4 * i + 4])]));
    const bytes = file(header, 4 * count);
    bytes[bytes.length - 1] = 0x40;
    const subarray = vi.spyOn(Uint8Array.prototype, "subarray");
    const { tensors } = readSafetensors(bytes);
    const views = subarray.mock.calls.length;
    subarray.mockRestore();
    expect(views).toBeLessThan(3);
    expect([tensors.size, tensors.has("t5"), tensors.has("u")]).toEqual([count, true, false]);
    expect(tensors.get(`t${count - 1}`)?.data).toEqual(Float32Array.of(2));
    expect(tensors.get("t5")).toBe(tensors.get("t5"));
    expect(tensors.get("u")).toBeUndefined();
    expect([...tensors.keys()]).toEqual(names);
    expect([...new Map(tensors).values()].every(({ shape }) => shape[0] === 1)).toBe(true);
    expect([...tensors.values()][3]).toBe(tensors.get("t3"));
    const seen: string[] = [];
    tensors.forEach(({ stored }, name, map) => void seen.push(stored, name, String(map === tensors)));
    expect(seen.slice(0, 3)).toEqual(["F32", "t0", "true"]);
    // Of two that lie over each other the later one is named, in whatever order they come.
    const over = { ...header, t9: f32([1], [0, 4]) };
    expect(() => readSafetensors(file(over, 4 * count))).toThrow(/"t(0|9)" begins at 0, inside/);
  });

  it("gives a Map that can be sent to another thread", () => {
    const { tensors } = readSafetensors(writeSafetensors({ a: { dtype: "f32", shape: [2], data: [1, 2] } }));
    expect(structuredClone(tensors).get("a")).toMatchObject({ shape: [2], data: Float32Array.of(1, 2) });
    expect({ ...tensors.get("a") }.data).toEqual(Float32Array.of(1, 2));
  });

  it("takes __proto__ for a name like any other", () => {
    const bytes = file('{"__proto__":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}}', 4);
    expect([...readSafetensors(bytes).tensors.keys()]).toEqual(["__proto__"]);
  });

  const valid = writeSafetensors(
    {
      a: { dtype: "f32", shape: [2, 3], data: [1, 2, 3, 4, 5, 6] },
      b: { dtype: "f16", shape: [4], data: [1, 2, 3, 4] },
    },
    { k: "v" },
  );
  const change = fc.record({ at: fc.nat(valid.length - 1), byte: fc.nat(255) });

  property.prop([fc.array(change, { minLength: 1, maxLength: 6 }), fc.nat(valid.length)], { numRuns: 2000 })(
    "a damaged file is read or refused, never more",
    (changes, keep) => {
      const bytes = valid.slice(0, changes.length > 5 ? keep : valid.length);
      for (const { at, byte } of changes) if (at < bytes.length) bytes[at] = byte;
      expectReadOrRefused(bytes);
    },
  );

  it("reads metadata of any length, and nests as deep as it likes without harm", () => {
    const note = JSON.stringify({ losses: '\\"'.repeat(3_000_000) });
    const { metadata } = readSafetensors(writeSafetensors({}, { note, other: "x".repeat(20_000_000) }));
    expect([metadata.note === note, metadata.other?.length]).toEqual([true, 20_000_000]);
    expectReadOrRefused(file(`{"x":${"[".repeat(2_000_000)}${"]".repeat(2_000_000)}}`));
    expectReadOrRefused(file(`${'{"x":'.repeat(500_000)}1${"}".repeat(500_000)}`));
  });

  const entry = fc.record({
    dtype: fc.oneof(fc.constantFrom("F32", "F16", "BF16", "I32"), fc.jsonValue()),
    shape: fc.oneof(fc.array(fc.oneof(fc.nat(4), fc.maxSafeInteger())), fc.jsonValue()),
    data_offsets: fc.oneof(fc.tuple(fc.nat(16), fc.nat(16)), fc.jsonValue()),
  });
  property.prop([fc.dictionary(fc.string(), fc.oneof(entry, fc.jsonValue())), fc.nat(32)], { numRuns: 1000 })(
    "a made-up header is read or refused, never more",
    (header, dataBytes) => {
      expectReadOrRefused(file(header, dataBytes));
    },
  );
});

function expectReadOrRefused(bytes: Uint8Array): void {
  try {
    for (const tensor of readSafetensors(bytes).tensors.values()) expectDataOrRefused(tensor);
  } catch (error) {
    expect(error).toBeInstanceOf(FormatError);
  }
}

/** A type that nothing here holds, or a 64-bit integer that does not fit, is no damage. */
function expectDataOrRefused(tensor: StoredTensor): void {
  try {
    expect(tensor.data.length).toBe(tensor.shape.reduce((n, axis) => n * axis, 1));
  } catch (error) {
    expect((error as Error).message).toMatch(/no dtype here holds|beyond/);
  }
}
