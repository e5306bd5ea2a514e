import { ConfigError, type Device, DilatedError, openDevice } from "@dilated/core";
import { compareAttention } from "./attention-case.ts";
import { type Comparison, formatComparison } from "./compare.ts";
import { type GoldenCase, readGolden } from "./golden.ts";
import { compareDecoder, compareEncoder } from "./longnet-case.ts";
import { type ParityOptions, parseParity } from "./options.ts";
import { compareViT } from "./vit-case.ts";

type Runner = (device: Device, golden: GoldenCase, dtype: ParityOptions["dtype"]) => Promise<Comparison[]>;

/** What runs each kind of case. */
const RUNNERS: Readonly<Record<string, Runner>> = {
  attention: compareAttention,
  partitioned: compareAttention,
  "longnet-encoder": inF32(compareEncoder),
  "longnet-decoder": inF32(compareDecoder),
  "longnet-vit": inF32(compareViT),
};

/** Models are imported as f32, the dtype of their goldens. */
function inF32(run: (device: Device, golden: GoldenCase) => Promise<Comparison[]>): Runner {
  return (device, golden, dtype) => {
    if (dtype === "f32") return run(device, golden);
    throw new ConfigError(`parity: cases of kind "${golden.kind}" run in f32`, { fix: "leave --dtype out" });
  };
}

/** Runs every case of the golden files; prints one line a tensor, then the count. Resolves to the number of failures. */
async function main({ files, backend, dtype }: ParityOptions): Promise<number> {
  using device = await openDevice({ backend, allowSoftware: backend === "webgpu" });
  console.log(`# ${device.info.backend} (${device.info.tier}) on ${device.info.adapter}, ${dtype}`);
  let passed = 0;
  let failed = 0;
  for (const golden of (await Promise.all(files.map(readGolden))).flat()) {
    for (const comparison of await compareCase(device, golden, dtype)) {
      console.log(formatComparison(comparison));
      if (comparison.pass) passed += 1;
      else failed += 1;
    }
  }
  console.log(`${passed} passed, ${failed} failed`);
  return failed;
}

/** A case that cannot be run is one failure, with the reason. */
async function compareCase(device: Device, golden: GoldenCase, dtype: ParityOptions["dtype"]): Promise<Comparison[]> {
  const run = RUNNERS[golden.kind];
  try {
    if (run) return await run(device, golden, dtype);
    console.error(`${golden.name}: kind "${golden.kind}" is not known; known are ${Object.keys(RUNNERS).join(", ")}`);
  } catch (error) {
    if (!DilatedError.is(error)) throw error;
    console.error(`${golden.name}: ${error.message}`);
  }
  return [{ name: golden.name, tensor: "(run)", error: Number.POSITIVE_INFINITY, pass: false }];
}

try {
  process.exitCode = (await main(parseParity(process.argv.slice(2)))) > 0 ? 1 : 0;
} catch (error) {
  console.error(error instanceof Error ? error.message : String(error));
  process.exitCode = 1;
}
