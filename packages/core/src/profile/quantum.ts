/** Steps that browsers round timestamps to, nanoseconds: the specification's 100 µs, and Dawn's 2^16 ns. */
const KNOWN_STEPS = [100_000, 65_536];

/** The step, nanoseconds, that all of these timestamps are multiples of; 0 when they are not rounded, or too few to tell. */
export function quantumOf(stamps: readonly bigint[]): number {
  const different = new Set(stamps.filter((stamp) => stamp > 0n));
  if (different.size < 2) return 0;
  return KNOWN_STEPS.find((step) => [...different].every((stamp) => stamp % BigInt(step) === 0n)) ?? 0;
}
