import { readFile } from "node:fs/promises";
import { FormatError, readSafetensors } from "@dilated/core";

/** A tensor of a golden file. */
export interface GoldenTensor {
  readonly shape: readonly number[];
  readonly data: ArrayLike<number>;
}

/** One case: its configuration and its tensors by short name (`q`, `out`, `dq`, ...). */
export interface GoldenCase {
  readonly name: string;
  readonly kind: string;
  readonly config: Readonly<Record<string, unknown>>;
  readonly tensors: ReadonlyMap<string, GoldenTensor>;
}

/** Reads the cases of a file: `__metadata__` maps names to JSON, tensors are called `<case>.<tensor>`. */
export async function readGolden(path: string): Promise<GoldenCase[]> {
  const { metadata, tensors } = readSafetensors(new Uint8Array(await readFile(path)));
  return Object.entries(metadata).map(([name, text]) => {
    const config = JSON.parse(text) as Record<string, unknown>;
    if (typeof config.kind !== "string") throw new FormatError(`parity: case "${name}" of ${path} has no kind`);
    const own = [...tensors]
      .filter(([key]) => key.startsWith(`${name}.`))
      .map(([key, tensor]) => [key.slice(name.length + 1), tensor] as const);
    return { name, kind: config.kind, config, tensors: new Map(own) };
  });
}

/** @throws FormatError when the case lacks the tensor. */
export function tensorOf(golden: GoldenCase, name: string): GoldenTensor {
  const tensor = golden.tensors.get(name);
  if (!tensor)
    throw new FormatError(`parity: case "${golden.name}" has no tensor "${name}"`, {
      details: [`it has ${[...golden.tensors.keys()].join(", ")}`],
    });
  return tensor;
}

/** The weights of a case by their original names. */
export function stateOf({ tensors }: GoldenCase): ReadonlyMap<string, GoldenTensor> {
  const prefix = "weights.";
  return new Map(
    [...tensors].filter(([key]) => key.startsWith(prefix)).map(([key, tensor]) => [key.slice(prefix.length), tensor]),
  );
}
