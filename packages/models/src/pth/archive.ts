import { bad, quote } from "./errors.ts";
import { findGlobal } from "./globals.ts";
import type { Environment } from "./machine.ts";
import { describe, kindOf, type PickleValue, type PthStorage, type StorageType } from "./values.ts";
import { readZip, type ZipEntry } from "./zip.ts";

/** A file of torch.save, opened: its pickle, and what the pickle may refer to. */
export interface Archive {
  readonly pickle: Uint8Array;
  readonly environment: Environment;
}

/** Opens what `torch.save` writes since PyTorch 1.6: a zip archive of `data.pkl` and one entry `data/KEY` a storage, in one folder. */
export function openArchive(bytes: Uint8Array): Archive {
  checkKind(bytes);
  const entries = readZip(bytes);
  const pickles = [...entries.keys()].filter((name) => /^[^/]+\/data\.pkl$/.test(name));
  const [name = ""] = pickles;
  if (pickles.length !== 1)
    throw bad(
      `a zip archive with ${pickles.length} entries FOLDER/data.pkl instead of one; torch.save did not write it`,
    );
  const folder = name.slice(0, -"data.pkl".length);
  if (entries.has(`${folder}constants.pkl`)) throw bad("a TorchScript module, which is a program");
  const order = new TextDecoder().decode(entries.get(`${folder}byteorder`)?.().subarray(0, 10)) || "little";
  if (order !== "little")
    throw bad(`the arrays are ${quote(order)}-endian`, "save it again on a little-endian machine, such as x86 or ARM");
  const storages = new Map<string, PthStorage>();
  const load = (id: PickleValue): PthStorage =>
    loadStorage(id, (key) => entries.get(`${folder}data/${key}`)?.(), storages);
  return { pickle: (entries.get(name) as ZipEntry)(), environment: { find: findGlobal, load } };
}

/** Says what a file is, where it is no zip archive. */
function checkKind(bytes: Uint8Array): void {
  const text = new TextDecoder("latin1").decode(bytes.subarray(0, 300));
  if (text.startsWith("PK\x03\x04")) return;
  if (text.startsWith("\x80") || text.slice(257, 262) === "ustar") {
    throw bad(
      "a file in the format of PyTorch before 1.6",
      "load it in PyTorch 1.6 or newer and save it again with torch.save",
    );
  }
  if (text.startsWith("version https://git-lfs"))
    throw bad("a Git LFS pointer, not the file itself", "fetch it with git lfs pull");
  if (text[8] === "{") throw bad("this looks like a safetensors file", "read it with readSafetensors");
  throw bad(`not a zip archive (${bytes.length} bytes)`, "pass a file that torch.save wrote, as .pth, .pt or .bin");
}

/** `("storage", torch.FloatStorage, key, device, numel)`; the same key gives the same storage. */
function loadStorage(
  id: PickleValue,
  entry: (key: string) => Uint8Array | undefined,
  known: Map<string, PthStorage>,
): PthStorage {
  const [tag, type = null, key, , numel] = Array.isArray(id) ? id : [];
  if (tag !== "storage" || kindOf(type) !== "storage-type" || typeof key !== "string" || typeof numel !== "number") {
    throw bad(`the pickle refers to something outside that is no storage: ${describe(tag)} of ${describe(type)}`);
  }
  const { name, type: stored } = type as StorageType;
  const already = known.get(key);
  if (already && already.type === stored && already.numel === numel) return already;
  if (already) throw bad(`storage ${quote(key)} is described twice, differently`);
  const bytes = entry(key);
  if (!bytes) throw bad(`storage ${quote(key)} is missing from the archive`, "download or write the file again");
  if (bytes.length !== numel * stored.width)
    throw bad(`storage ${quote(key)}: ${numel} elements of ${name} in ${bytes.length} bytes`);
  const storage: PthStorage = { kind: "storage", type: stored, bytes, numel };
  known.set(key, storage);
  return storage;
}
