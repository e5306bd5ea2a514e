import { DilatedError, openDevice } from "@dilated/core";
import { sampleCases } from "@dilated-internal/attention-kit/arbitrary";
import { type AttentionCase, attentionCases } from "@dilated-internal/attention-kit/cases";
import { type CaseError, compareCase } from "@dilated-internal/attention-kit/compare-case";
import { samplePlanted, wrongPlaces } from "@dilated-internal/attention-kit/non-finite";
import { parseVerify, type VerifyOptions } from "./options.ts";

/**
 * Compares attention, forward and gradients, with the f64 oracle on this machine's device: every case of the table and random ones, and as many in which
 * something is not finite. CI has software adapters only, and those run other kernels than GPUs do. Prints failures, the worst error, and
 * `N passed, N failed`. Resolves to the number of failures.
 */
async function main({ backend, tier, dtype, robustness, count, seed, N, D }: VerifyOptions): Promise<number> {
  using device = await openDevice({
    backend,
    ...(tier ? { tier } : {}),
    robustness,
    allowSoftware: backend === "webgpu",
  });
  const { info } = device;
  console.log(`# ${info.backend} (${info.tier}) on ${info.adapter}, ${dtype}, robustness ${robustness ? "on" : "off"}`);
  let passed = 0;
  let failed = 0;
  let worst: (CaseError & { readonly name: string }) | undefined;
  const began = performance.now();
  for (const test of [...attentionCases, ...sampleCases({ N, D }, count, seed)]) {
    const errors = await tried(() => compareCase(device, test, dtype), test);
    const bad = errors.filter(({ error, limit }) => !(error <= limit));
    for (const { tensor, error, limit } of bad) console.log(`FAIL ${tensor} ${error} > ${limit}: ${test.name}`);
    for (const error of errors) {
      if (!worst || error.error / error.limit > worst.error / worst.limit) worst = { ...error, name: test.name };
    }
    if (bad.length > 0) failed += 1;
    else passed += 1;
  }
  for (const planted of samplePlanted({ N, D }, count, seed)) {
    const wrong = await wrongPlaces(device, planted, dtype);
    for (const text of wrong.slice(0, 1)) console.log(`FAIL not finite: ${text}`);
    if (wrong.length > 0) failed += 1;
    else passed += 1;
  }
  if (worst) console.log(`worst: ${worst.tensor} ${worst.error} of ${worst.limit} allowed, ${worst.name}`);
  console.log(`${((performance.now() - began) / 1000).toFixed(1)} s`);
  console.log(`${passed} passed, ${failed} failed`);
  return failed;
}

/** A case that cannot be run is a failure, with the reason. */
async function tried(run: () => Promise<CaseError[]>, { name }: AttentionCase): Promise<CaseError[]> {
  try {
    return await run();
  } catch (error) {
    if (!DilatedError.is(error)) throw error;
    console.log(`${name}: ${error.message}`);
    return [{ tensor: "out", error: Number.POSITIVE_INFINITY, limit: 0 }];
  }
}

try {
  process.exitCode = (await main(parseVerify(process.argv.slice(2)))) > 0 ? 1 : 0;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
