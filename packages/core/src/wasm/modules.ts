import { FeatureError, ShaderError } from "../errors/index.ts";
import type { WasmEntry } from "../kernel/definition.ts";
import type { SimdTier } from "./features.ts";
import { MODULES, MODULES_MAX } from "./layout.ts";
import { bytesOf, loadModule } from "./unpack.ts";

export type KernelFunction = (params: number, begin: number, end: number, scratch: number) => void;

interface Loaded {
  readonly index: number;
  readonly compiled: WebAssembly.Module;
  /** Position of each export, the same in every thread. */
  readonly functions: ReadonlyMap<string, number>;
  instance?: KernelFunction[];
}

/** Where a kernel's code is: indices that mean the same in every thread. */
export interface FunctionIndex {
  readonly module: number;
  readonly fn: number;
}

/**
 * The modules of a device. A new one is copied into the shared memory and entered in its table, where workers find it when the first command
 * needs it: they sleep in `Atomics.wait` and cannot be sent messages.
 */
export class Modules {
  readonly #memory: WebAssembly.Memory;
  readonly #tier: SimdTier;
  /** Gives room for ever; throws when there is none. */
  readonly #reserve: (bytes: number) => number;
  readonly #loaded = new Map<WasmEntry["module"], Loaded>();
  readonly #byIndex: Loaded[] = [];

  constructor(memory: WebAssembly.Memory, tier: SimdTier, reserve: (bytes: number) => number) {
    this.#memory = memory;
    this.#tier = tier;
    this.#reserve = reserve;
  }

  resolve(entry: WasmEntry): FunctionIndex {
    const loaded = this.#loaded.get(entry.module) ?? this.#load(entry.module);
    const fn = loaded.functions.get(entry.entry);
    if (fn === undefined) {
      throw new ShaderError(`WebAssembly module "${entry.module.name}" exports no function "${entry.entry}"`, {
        details: [`it exports: ${[...loaded.functions.keys()].join(", ")}`],
        fix: "export the kernel from assembly/index.ts and build the module again",
      });
    }
    return { module: loaded.index, fn };
  }

  /** Resolves when the module of an entry can be resolved; undefined where it can be now. */
  loading({ module }: WasmEntry): Promise<void> | undefined {
    if (this.#loaded.has(module) || bytesOf(module, this.#tier)) return undefined;
    return loadModule(module, this.#tier);
  }

  /** For the inline queue. */
  functionOf(module: number, fn: number): KernelFunction {
    const loaded = this.#byIndex[module] as Loaded;
    loaded.instance ??= instantiate(loaded, this.#memory);
    return loaded.instance[fn] as KernelFunction;
  }

  #load(module: WasmEntry["module"]): Loaded {
    const index = this.#loaded.size;
    if (index === MODULES_MAX)
      throw new FeatureError(`a WebAssembly device takes ${MODULES_MAX} modules`, {
        fix: "put kernels together in one module",
      });
    const bytes = bytesOf(module, this.#tier);
    if (!bytes) throw new FeatureError(`WebAssembly module "${module.name}" is not loaded yet`);
    const compiled = compile(module.name, bytes);
    const names = WebAssembly.Module.exports(compiled).filter(({ kind }) => kind === "function");
    const loaded: Loaded = { index, compiled, functions: new Map(names.map(({ name }, i) => [name, i])) };
    const address = this.#reserve(bytes.length);
    new Uint8Array(this.#memory.buffer, address, bytes.length).set(bytes);
    new Uint32Array(this.#memory.buffer, (MODULES + 2 * index) * 4, 2).set([address, bytes.length]);
    this.#loaded.set(module, loaded);
    this.#byIndex.push(loaded);
    return loaded;
  }
}

function compile(name: string, bytes: Uint8Array): WebAssembly.Module {
  let compiled: WebAssembly.Module;
  try {
    compiled = new WebAssembly.Module(bytes as BufferSource);
  } catch (cause) {
    throw new ShaderError(
      `WebAssembly module "${name}" does not compile: ${cause instanceof Error ? cause.message : cause}`,
      { cause },
    );
  }
  const foreign = WebAssembly.Module.imports(compiled).filter(
    (entry) => !(entry.module === "env" && entry.name === "memory" && entry.kind === "memory"),
  );
  if (foreign.length > 0) {
    throw new ShaderError(`WebAssembly module "${name}" imports more than env.memory`, {
      details: foreign.map((entry) => `${entry.module}.${entry.name}: ${entry.kind}`),
      fix: "build it with tooling/build-wasm.mjs; use no objects, strings or assertions",
    });
  }
  return compiled;
}

function instantiate(loaded: Loaded, memory: WebAssembly.Memory): KernelFunction[] {
  const { exports } = new WebAssembly.Instance(loaded.compiled, { env: { memory } });
  return [...loaded.functions.keys()].map((name) => exports[name] as KernelFunction);
}
