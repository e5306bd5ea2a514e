import { inject } from "vitest";

/** What of a property's runs each environment takes. Most go where they are cheap; together they are all. */
const ENVIRONMENTS = [
  { backend: "wasm", page: false, part: 0.7 },
  { backend: "webgpu", page: false, part: 0.15 },
  { backend: "webgpu", page: true, part: 0.1 },
  { backend: "wasm", page: true, part: 0.05 },
] as const;

/** Options of fast-check. */
export interface Share {
  readonly numRuns: number;
  readonly seed?: number;
}

/**
 * This environment's share of `count` random runs: device tests run in four, and four times the same would find nothing new. With `seed`, every environment
 * has one of its own, so that their runs differ, and the same ones come again.
 */
export function share(count: number, seed?: number): Share {
  const page = "document" in globalThis;
  const index = ENVIRONMENTS.findIndex((one) => one.backend === inject("backend") && one.page === page);
  const numRuns = Math.ceil(count * (ENVIRONMENTS[index]?.part ?? 1));
  return seed === undefined ? { numRuns } : { numRuns, seed: seed * ENVIRONMENTS.length + index };
}
