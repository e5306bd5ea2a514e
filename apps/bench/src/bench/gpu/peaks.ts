/** Datasheet peaks of dense products with f32 sums, FLOP/s, by adapter: what MFU is a share of. */
const PEAKS: readonly { readonly adapter: RegExp; readonly f16: number; readonly f32: number }[] = [
  { adapter: /H100 PCIe/, f16: 756e12, f32: 51e12 },
  { adapter: /H[12]00/, f16: 989e12, f32: 67e12 },
  { adapter: /A100/, f16: 312e12, f32: 19.5e12 },
  { adapter: /RTX 4090/, f16: 165e12, f32: 82.6e12 },
];

/** Share of the adapter's peak; undefined where the datasheet is not known here. */
export function utilisation(gflops: number, dtype: "f16" | "f32" | "mixed", adapter: string): number | undefined {
  const peak = PEAKS.find((known) => known.adapter.test(adapter));
  return peak && (gflops * 1e9) / (dtype === "f32" ? peak.f32 : peak.f16);
}
