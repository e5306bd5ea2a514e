import type { KernelDefinition } from "../kernel/definition.ts";

const scratch = new DataView(new ArrayBuffer(4));

/** The words of a launch: addresses in the order of the tensors (0 where one is left out), then the scalars in theirs. */
export function paramWords(
  kernel: KernelDefinition,
  addresses: readonly number[],
  scalars: Readonly<Record<string, number>>,
): Uint32Array {
  const names = Object.keys(kernel.scalars);
  const words = new Uint32Array(addresses.length + names.length);
  words.set(addresses);
  for (let i = 0; i < names.length; i++) {
    const name = names[i] as string;
    const value = scalars[name] as number;
    words[addresses.length + i] = kernel.scalars[name] === "f32" ? floatBits(value) : value;
  }
  return words;
}

function floatBits(value: number): number {
  scratch.setFloat32(0, value);
  return scratch.getUint32(0);
}

/** Small numbers for kernels' names: what a worker can pass back when one traps. */
export class KernelNames {
  readonly #ids = new Map<string, number>();
  readonly #names: string[] = [];

  id(name: string): number {
    let id = this.#ids.get(name);
    if (id === undefined) {
      id = this.#names.push(name) - 1;
      this.#ids.set(name, id);
    }
    return id;
  }

  name(id: number): string {
    return this.#names[id] ?? "?";
  }
}
