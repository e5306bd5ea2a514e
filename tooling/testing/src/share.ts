import { inject } from "vitest";

/** What of a property's runs each environment takes. Most go where they are cheap; together they are all. */
const ENVIRONMENTS = [
  { backend: "wasm", page: false, part: 0.7 },
  { backend: "webgpu", page: false, part: 0.15 },
  { backend: "webgpu", page: true, part: 0.1 },
  { backend: "wasm", page: true, part: 0.05 },
] as const;

declare module "vitest" {
  export interface ProvidedContext {
    /** Runs of each property, here, by DILATED_RANDOM; 0: this environment's share. */
    random: number;
  }
}

/** Options of fast-check. */
export interface Share {
  readonly numRuns: number;
  readonly seed?: number;
}

/** Which environment this is. */
function environment(): number {
  const page = "document" in globalThis;
  return ENVIRONMENTS.findIndex((one) => one.backend === inject("backend") && one.page === page);
}

/**
 * This environment's share of `count` random runs: device tests run in four, and four times the same would find nothing new. With `seed`, every environment
 * has one of its own, so that their runs differ, and the same ones come again. With DILATED_RANDOM=300, it is 300 runs
 * whatever `count` is.
 */
export function share(count: number, seed?: number): Share {
  const index = environment();
  const numRuns = inject("random") || Math.ceil(count * (ENVIRONMENTS[index]?.part ?? 1));
  return seed === undefined ? { numRuns } : { numRuns, seed: seed * ENVIRONMENTS.length + index };
}

/**
 * This environment's share of a list of cases: all of them where they are cheap, on WebAssembly in Node; elsewhere
 * every fourth, which is another one in each environment.
 *
 * @param everyKernel - Also all of them on WebGPU in Node: for cases that are a kernel each, not for what is made of
 * kernels that have cases of their own. @defaultValue false
 */
export function shareOf<T>(cases: readonly T[], everyKernel = false): T[] {
  const index = environment();
  const whole = ["wasm", ...(everyKernel ? ["webgpu"] : [])];
  const { backend, page } = ENVIRONMENTS[index] ?? { backend: "wasm", page: false };
  return cases.filter((_, i) => (!page && whole.includes(backend)) || i % ENVIRONMENTS.length === index);
}
