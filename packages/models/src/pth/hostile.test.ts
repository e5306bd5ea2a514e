import { DilatedError } from "@dilated/core";
import { describe, expect, it } from "vitest";
import { readPth } from "./read.ts";
import { concat, dict, int, pickle, pth, type TensorSpec, tensor, text, unicode, zip } from "./test-utils/write-pth.ts";

const one: TensorSpec = { storage: "FloatStorage", key: "0", numel: 4, shape: [4], stride: [1] };
const storages = { 0: new Uint8Array(16) };
const withTensor = (change: Partial<TensorSpec>): Uint8Array =>
  pth(pickle(dict({ x: tensor({ ...one, ...change }) })), storages);

/** Refuses with an error of ours. What it does before that is bounded by counts, which the errors name; a limit of time would only measure the machine. */
function refuse(bytes: Uint8Array): DilatedError {
  try {
    readPth(bytes);
  } catch (error) {
    if (!DilatedError.is(error)) throw error;
    return error;
  }
  throw new Error("was read");
}

it("reads what the writer of these tests writes", () => {
  expect(readPth(withTensor({})).tensors.get("x")).toEqual({ dtype: "f32", shape: [4], data: new Float32Array(4) });
});

describe("code", () => {
  it.each([
    ["posix.system", "cposix\nsystem\n", unicode("echo gotcha")],
    ["builtins.eval", "c__builtin__\neval\n", unicode("1 + 1")],
    ["builtins.getattr", "cbuiltins\ngetattr\n", unicode("x")],
    ["os.system", "cos\nsystem\n", unicode("true")],
    ["torch.load", "ctorch\nload\n", unicode("x")],
    ["torch.constructor", "ctorch\nconstructor\n", unicode("x")],
    ["collections.__proto__", "ccollections\n__proto__\n", unicode("x")],
  ])("%s is refused by name", (name, global, argument) => {
    expect(refuse(pth(pickle(global, argument, 0x85, "R"))).message).toContain(JSON.stringify(name));
  });

  it("a name made on the stack is refused, too, and so are instructions of protocol 0", () => {
    expect(refuse(pth(pickle(unicode("os"), unicode("system"), 0x93, unicode("ls"), 0x85, "R"))).message).toContain(
      '"os.system"',
    );
    expect(refuse(pth(pickle("(S'ls'\nios\nsystem\n"))).message).toMatch(/instruction 0x53/);
    expect(refuse(pth(pickle(0x82, 1))).message).toMatch(/instruction 0x82/);
  });

  it("data is not called, and does not become part of an object's prototype", () => {
    expect(refuse(pth(pickle(unicode("eval"), ")R"))).message).toMatch(/calls eval/);
    expect(refuse(pth(pickle("ctorch\nFloatStorage\n)R"))).message).toMatch(/calls a storage-type/);
    const { metadata } = readPth(
      pth(pickle(dict({ x: tensor(one), __proto__x: int(1), ["__proto__"]: dict({ polluted: int(1) }) })), storages),
    );
    expect(Object.getPrototypeOf(metadata)).toBe(Object.prototype);
    expect(({} as Record<string, unknown>).polluted).toBeUndefined();
  });
});

describe("tensors that lie", () => {
  it.each<[string, Partial<TensorSpec>, RegExp]>([
    ["more than the storage", { shape: [5] }, /reaches element 4 of a storage of 4/],
    ["an offset", { offset: 1 }, /reaches element 4/],
    ["a stride", { shape: [2], stride: [4] }, /reaches element 4/],
    ["a negative stride", { shape: [2], stride: [-1] }, /stride that is not a list/],
    ["a negative size", { shape: [-4] }, /size that is not a list/],
    ["strides and sizes apart", { stride: [1, 1] }, /1 sizes and 2 strides/],
    ["65 axes", { shape: Array(65).fill(1), stride: Array(65).fill(1) }, /at most 64/],
    ["a missing storage", { key: "7" }, /storage "7" is missing/],
    ["a path as storage", { key: "../../version" }, /is missing/],
    ["a size that is not the storage's", { numel: 5 }, /5 elements of FloatStorage in 16 bytes/],
    ["a type that is not the storage's", { storage: "DoubleStorage" }, /in 16 bytes/],
    [
      "2^62 elements by stride 0",
      { shape: [2 ** 31 - 1, 2 ** 31 - 1], stride: [0, 0] },
      /takes 18446744056529682000 bytes/,
    ],
    ["2^120 elements by stride 0", { shape: Array(60).fill(4), stride: Array(60).fill(0) }, /takes/],
  ])("%s", (_, change, message) => {
    expect(refuse(withTensor(change)).message).toMatch(message);
  });

  it("cannot change behind the check", () => {
    // The list of sizes is kept, used, and then appended to.
    const id = concat([
      text("("),
      unicode("storage"),
      text("ctorch\nFloatStorage\n"),
      unicode("0"),
      unicode("cpu"),
      int(4),
      text("tQ"),
    ]);
    const grown = pickle(
      "}",
      unicode("x"),
      "ctorch._utils\n_rebuild_tensor_v2\n",
      "(",
      id,
      int(0),
      "](",
      int(4),
      "eq",
      1,
      "](",
      int(1),
      "e",
      0x89,
      "}tRs",
      unicode("y"),
      "h",
      1,
      int(9),
      "as",
    );
    expect(readPth(pth(grown, storages)).tensors.get("x")?.shape).toEqual([4]);
  });

  it("overlap only as far as memory allows", () => {
    const many = Object.fromEntries(
      Array.from({ length: 2000 }, (_, i) => [
        `x${i}`,
        tensor({ storage: "ByteStorage", key: "0", numel: 100_000, offset: i, shape: [90_000], stride: [1] }),
      ]),
    );
    expect(refuse(pth(pickle(dict(many)), { 0: new Uint8Array(100_000) })).code).toBe("LIMIT");
  });
});

describe("pickle bombs", () => {
  it.each<[string, Uint8Array]>([
    ["groups in groups", pickle("(".repeat(2_000_000))],
    ["lists in lists", pickle(dict({ x: tensor(one) }), "]".repeat(500_000), "a".repeat(499_999))],
    ["dictionaries in dictionaries", pickle(`}${"X\x01\x00\x00\x00a}".repeat(300_000)}${"s".repeat(300_000)}`)],
    ["more dictionaries than any checkpoint has", pickle("}0".repeat(500_000))],
    ["endless doubling", pickle("]", ...Array.from({ length: 60 }, () => "2a"))],
    [
      "a billion laughs",
      pickle(
        "}",
        unicode("x"),
        tensor(one),
        "s",
        unicode("y"),
        "](",
        int(1),
        "eq",
        1,
        ...Array.from({ length: 40 }, () => "](h\x01h\x01h\x01h\x01eq\x01"),
        "s",
      ),
    ],
    ["a list within itself", pickle("}", unicode("x"), tensor(one), "s", unicode("y"), "]q\x01h\x01as")],
    ["4 GiB of text", pickle("X\xff\xff\xff\xff".slice(0, 1), 0xff, 0xff, 0xff, 0xff, "abc")],
    ["2^64 bytes", pickle(0x8d, ...Array(8).fill(0xff))],
    ["an integer of 2 GiB", pickle(0x8b, 0xff, 0xff, 0xff, 0x7f)],
    ["a far memo", pickle("}r", 0xff, 0xff, 0xff, 0xff)],
    ["a memo that is not there", pickle("h", 3)],
    ["an empty stack", pickle("0")],
    ["a pop across a mark", pickle("}(0")],
    ["a group without begin", pickle("}t")],
    ["items of a number", pickle("K\x01(K\x01K\x02u")],
    ["an odd number of items", pickle("}(K\x01u")],
    ["a dictionary as key", pickle("}}K\x01s")],
    ["text that is not UTF-8", pickle("X", 1, 0, 0, 0, 0xff)],
    ["a name without end", pickle("ctorch")],
    ["protocol 9", Uint8Array.of(0x80, 9, 0x4e, 0x2e)],
    ["protocol 0", text("I1\n.")],
    ["no end", Uint8Array.of(0x80, 2, 0x4e)],
    ["nothing", new Uint8Array()],
    ["no tensors", pickle(dict({ epoch: int(3) }))],
    ["a storage by itself as tensor", pickle("ctorch._utils\n_rebuild_tensor_v2\n(NK\x00))\x89}tR")],
    ["a storage id of another kind", pickle(unicode("module"), "Q")],
  ])("%s", (_, bytes) => {
    expect(["FORMAT", "LIMIT"]).toContain(refuse(pth(bytes, storages)).code);
  });

  it.each([
    ["}0".repeat(500_000), /more than 400000 dictionaries/],
    ["}(0N", /empty stack/],
    ["N".repeat(4_100_000), /more than 4000000 instructions/],
  ])("are stopped by the bound that is meant for them", (parts, message) => {
    expect(refuse(pth(pickle(parts), storages)).message).toMatch(message);
  });
});

describe("archives", () => {
  const good = withTensor({});
  it.each<[string, Uint8Array, RegExp]>([
    ["nothing", new Uint8Array(), /not a zip archive \(0 bytes\)/],
    ["a page of HTML", text("<!doctype html><p>Please sign in"), /not a zip archive/],
    ["a Git LFS pointer", text("version https://git-lfs.github.com/spec/v1\noid sha256:0"), /Git LFS pointer/],
    ["safetensors", concat([Uint8Array.of(2, 0, 0, 0, 0, 0, 0, 0), text("{}")]), /safetensors/],
    ["the first half", good.subarray(0, good.length / 2), /no end record/],
    ["an empty archive", concat([text("PK\x03\x04"), zip({})]), /0 entries FOLDER\/data\.pkl/],
    ["two pickles", zip({ "a/data.pkl": pickle("N"), "b/data.pkl": pickle("N") }), /2 entries FOLDER/],
    ["big-endian arrays", zip({ "a/data.pkl": pickle("N"), "a/byteorder": text("big") }), /"big"-endian/],
    ["a program", zip({ "a/data.pkl": pickle("N"), "a/constants.pkl": pickle("N") }), /TorchScript/],
    ["something behind the end", concat([good, text("tail")]), /no end record/],
  ])("%s", (_, bytes, message) => {
    expect(refuse(bytes).message).toMatch(message);
  });

  const central = good.length - 22 - (good[good.length - 10] as number) - 256 * (good[good.length - 9] as number);
  it.each<[string, number, number[], RegExp]>([
    ["compressed", central + 10, [8], /is compressed/],
    ["encrypted", central + 8, [1], /is encrypted/],
    ["size and packed size apart", central + 24, [1, 0, 0, 0], /is stored, in/],
    ["4 GB", central + 20, [0xfe, 0xff, 0xff, 0xff, 0xfe, 0xff, 0xff, 0xff], /4294967294 bytes/],
    ["zip64 sizes that are not there", central + 20, Array(8).fill(0xff), /zip64 field/],
    ["an offset beyond the file", central + 42, [0xff, 0xff, 0xff, 0x7f], /begins at/],
    ["a name beyond the file", central + 28, [0xff, 0xff], /entry 0/],
    ["65535 entries", good.length - 14, [0xff, 0xff, 0xff, 0xff], /directory of 65535 entries/],
    ["a directory of 4 GB", good.length - 10, [0xff, 0xff, 0xff, 0xff], /directory of/],
  ])("an entry that is or claims %s", (_, at, bytes, message) => {
    const changed = good.slice();
    changed.set(bytes, at);
    expect(refuse(changed).message).toMatch(message);
  });
});

describe("values that the file shares", () => {
  /** [x, x], shared by a tuple of twice the same, `depth` times over. */
  const doubled = (depth: number) =>
    concat([int(1), ...Array.from({ length: depth }, () => Uint8Array.of(0x32, 0x86))]);

  it("stand for no more values than the file has bytes for", () => {
    const { message } = refuse(pth(pickle(dict({ x: tensor(one), shared: doubled(60) })), storages));
    expect(message).toMatch(/more than \d+ values beside the tensors/);
    expect(Number(/more than (\d+) values/.exec(message)?.[1])).toBeLessThan(5000);
  });

  it("are never written out as text", () => {
    const device = ["ctorch\ndevice\n", doubled(60), 0x85, "R"];
    expect(refuse(pth(pickle(...device))).message).toMatch(/torch.device of a list or tuple/);
    const dtype = ["cnumpy\ndtype\n", doubled(60), 0x85, "R"];
    expect(refuse(pth(pickle(...dtype))).message).toMatch(/numpy.dtype of "a list or tuple"/);
  });

  it("count each time that a state is set from them", () => {
    const items = Array.from({ length: 256 }, (_, i) => ["K", i, "N"]).flat(); // i: None
    const state = ["}q\x01(", ...items, "u0"];
    const again = Array.from({ length: 2000 }, () => "h\x01b");
    expect(refuse(pth(pickle(...state, "ccollections\nOrderedDict\n)R", ...again))).message).toMatch(
      /asks for more than \d+ steps/,
    );
  });
});
