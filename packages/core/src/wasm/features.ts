import { FeatureError } from "../errors/index.ts";

export type SimdTier = "simd" | "relaxed-simd";

// Modules of one function that uses one instruction of the extension: i8x16.popcnt, i8x16.relaxed_swizzle.
const SIMD = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 10, 1, 8, 0, 65, 0, 253, 15, 253, 98, 11,
];
const RELAXED = [
  0, 97, 115, 109, 1, 0, 0, 0, 1, 5, 1, 96, 0, 1, 123, 3, 2, 1, 0, 10, 15, 1, 13, 0, 65, 1, 253, 15, 65, 2, 253, 15,
  253, 128, 2, 11,
];

/** Which build this engine runs, or the one asked for; throws where it runs none. */
export function chooseSimd(wanted: "auto" | SimdTier): SimdTier {
  checkPolicy();
  const has = (bytes: number[]) => WebAssembly.validate(new Uint8Array(bytes));
  const tiers: SimdTier[] = [
    ...(has(RELAXED) ? ["relaxed-simd" as const] : []),
    ...(has(SIMD) ? ["simd" as const] : []),
  ];
  const chosen = wanted === "auto" ? tiers[0] : tiers.find((tier) => tier === wanted);
  if (chosen) return chosen;
  throw new FeatureError(
    `openDevice: this engine has no WebAssembly ${wanted === "relaxed-simd" ? "relaxed SIMD" : "SIMD"}`,
    {
      details: [`it has: ${tiers.join(", ") || "none"}`],
      fix: wanted === "relaxed-simd" ? 'open with { simd: "auto" }' : "use Node 20 or a browser of 2023 or later",
    },
  );
}

/**
 * Some engines compile what a page's policy forbids, and refuse to instantiate it: a module without anything in it
 * tells beforehand.
 */
function checkPolicy(): void {
  try {
    new WebAssembly.Instance(new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0)));
  } catch (cause) {
    throw new FeatureError("openDevice: WebAssembly is not allowed here", {
      details: [cause instanceof Error ? cause.message : String(cause)],
      fix: "add 'wasm-unsafe-eval' to script-src of the page's Content-Security-Policy",
      cause,
    });
  }
}
