/** A stored zip archive, as `torch.save` writes it. */
export function zip(
  entries: Readonly<Record<string, Uint8Array>>,
  { align = 64 }: { align?: number } = {},
): Uint8Array {
  const names = Object.keys(entries);
  const local: Uint8Array[] = [];
  const central: Uint8Array[] = [];
  let at = 0;
  for (const name of names) {
    const data = entries[name] as Uint8Array;
    const title = new TextEncoder().encode(name);
    const pad = (align - ((at + 30 + title.length) % align)) % align;
    local.push(
      words("I", 0x04034b50, "H", 0, 0, 0, 0, 0, "I", 0, data.length, data.length, "H", title.length, pad),
      title,
      new Uint8Array(pad),
      data,
    );
    central.push(
      words(
        "I",
        0x02014b50,
        "H",
        0,
        0,
        0,
        0,
        0,
        0,
        "I",
        0,
        data.length,
        data.length,
        "H",
        title.length,
        0,
        0,
        0,
        0,
        "I",
        0,
        at,
      ),
      title,
    );
    at += 30 + title.length + pad + data.length;
  }
  const directory = concat(central);
  return concat([
    ...local,
    directory,
    words("I", 0x06054b50, "H", 0, 0, names.length, names.length, "I", directory.length, at, "H", 0),
  ]);
}

/** A checkpoint around a pickle. */
export function pth(pickle: Uint8Array, storages: Readonly<Record<string, Uint8Array>> = {}, align = 64): Uint8Array {
  const data = Object.fromEntries(Object.entries(storages).map(([key, bytes]) => [`archive/data/${key}`, bytes]));
  return zip(
    { "archive/data.pkl": pickle, "archive/byteorder": text("little"), ...data, "archive/version": text("3\n") },
    { align },
  );
}

/** A pickle of protocol 2 from its parts: text as it is, numbers as bytes. */
export function pickle(...parts: readonly (string | number | Uint8Array)[]): Uint8Array {
  const bytes = parts.map((part) =>
    typeof part === "number" ? Uint8Array.of(part) : typeof part === "string" ? text(part) : part,
  );
  return concat([Uint8Array.of(0x80, 2), ...bytes, text(".")]);
}

/** BINUNICODE */
export function unicode(value: string): Uint8Array {
  return concat([words("B", 0x58, "I", text(value).length), text(value)]);
}

/** BININT */
export function int(value: number): Uint8Array {
  return words("B", 0x4a, "I", value);
}

/** One tensor as `_rebuild_tensor_v2` has it: its storage, and the view. */
export interface TensorSpec {
  readonly storage: string;
  readonly key: string;
  readonly numel: number;
  readonly offset?: number;
  readonly shape: readonly number[];
  readonly stride: readonly number[];
}

export function tensor({ storage, key, numel, offset = 0, shape, stride }: TensorSpec): Uint8Array {
  const id = ["(", unicode("storage"), `ctorch\n${storage}\n`, unicode(key), unicode("cpu"), int(numel), "tQ"];
  const view = [int(offset), "(", ...shape.map(int), "t", "(", ...stride.map(int), "t", 0x89, "}t"];
  return concat(
    ["ctorch._utils\n_rebuild_tensor_v2\n", "(", ...id, ...view, "R"].map((part) =>
      typeof part === "number" ? Uint8Array.of(part) : typeof part === "string" ? text(part) : part,
    ),
  );
}

/** A dictionary of pickled values. */
export function dict(values: Readonly<Record<string, Uint8Array>>): Uint8Array {
  return concat([text("}("), ...Object.entries(values).flatMap(([key, value]) => [unicode(key), value]), text("u")]);
}

export function text(value: string): Uint8Array {
  return new TextEncoder().encode(value);
}

export function concat(parts: readonly Uint8Array[]): Uint8Array {
  const out = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.length;
  }
  return out;
}

const WIDTH = { B: 1, H: 2, I: 4 } as const;

/** Little-endian fields; a letter sets the width of those behind it. */
function words(...fields: readonly (keyof typeof WIDTH | number)[]): Uint8Array {
  let width: number = 1;
  const out: number[] = [];
  for (const field of fields) {
    if (typeof field === "string") width = WIDTH[field];
    else for (let i = 0; i < width; i++) out.push((field >>> (8 * i)) & 255);
  }
  return Uint8Array.from(out);
}

/** A checkpoint that holds f32 arrays as `{ [key]: state dict, epoch: 3 }`, as Prov-GigaPath's and LongViT's do. */
export function stateDict(
  state: Iterable<readonly [string, { readonly shape: readonly number[]; readonly data: ArrayLike<number> }]>,
  key: string,
): Uint8Array {
  const storages: Record<string, Uint8Array> = {};
  const tensors: Record<string, Uint8Array> = {};
  for (const [name, { shape, data }] of state) {
    const id = String(Object.keys(storages).length);
    storages[id] = new Uint8Array(Float32Array.from(data).buffer);
    const stride = shape.map((_, axis) => shape.slice(axis + 1).reduce((product, length) => product * length, 1));
    tensors[name] = tensor({ storage: "FloatStorage", key: id, numel: data.length, shape, stride });
  }
  return pth(pickle(dict({ [key]: dict(tensors), epoch: int(3) })), storages);
}
