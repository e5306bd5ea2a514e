import { inflateSync } from "fflate";
import { DeviceError } from "../errors/index.ts";
import type { PackedWasmModule, WasmModule } from "../kernel/definition.ts";
import type { SimdTier } from "./features.ts";
import { packedModules } from "./packed.ts";

/** What is loaded of a packed module. */
interface Unpacked {
  simd?: Uint8Array;
  relaxed?: Uint8Array;
  /** For a tier, while and after it is loaded. */
  readonly loading: Partial<Record<SimdTier, Promise<void>>>;
}

const unpacked = new WeakMap<PackedWasmModule, Unpacked>();

/** The bytes of a module; undefined where they are not loaded yet. */
export function bytesOf(module: WasmModule | PackedWasmModule, tier: SimdTier): Uint8Array | undefined {
  const builds = "builds" in module ? unpacked.get(module) : module;
  return tier === "relaxed-simd" ? builds?.relaxed : builds?.simd;
}

/** Loads a module's build for `tier`, once. */
export function loadModule(module: WasmModule | PackedWasmModule, tier: SimdTier): Promise<void> {
  if (!("builds" in module)) return Promise.resolve();
  const state = unpacked.get(module) ?? { loading: {} };
  unpacked.set(module, state);
  state.loading[tier] ??= load(module, state, tier).catch((cause: unknown) => {
    delete state.loading[tier]; // the network may be back next time
    throw new DeviceError(`the WebAssembly module "${module.name}" could not be loaded`, {
      details: [cause instanceof Error ? cause.message : String(cause)],
      cause,
      fix: "serve every chunk of the bundle",
    });
  });
  return state.loading[tier];
}

/** Loads every module that the program has by now. */
export async function loadModules(tier: SimdTier): Promise<void> {
  await Promise.all([...packedModules].map((module) => loadModule(module, tier)));
}

/** The relaxed build is deflated with the plain one as dictionary; without one, the plain build serves both. */
async function load({ builds }: PackedWasmModule, state: Unpacked, tier: SimdTier): Promise<void> {
  const relaxed = tier === "relaxed-simd" ? builds.relaxed : undefined;
  const [simd, more] = await Promise.all([builds.simd(), relaxed?.()]);
  state.simd ??= inflateSync(decode(simd.default));
  if (tier === "relaxed-simd")
    state.relaxed = more ? inflateSync(decode(more.default), { dictionary: state.simd }) : state.simd;
}

function decode(base64: string): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}
