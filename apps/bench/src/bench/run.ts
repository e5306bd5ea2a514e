import { openDevice } from "@dilated/core";
import { startBudget } from "./budget.ts";
import { cpuAttentionSuite } from "./cpu/attention.ts";
import { cpuMatmulSuite } from "./cpu/matmul.ts";
import type { SuiteContext } from "./cpu/suite.ts";
import { cpuTrainSuite } from "./cpu/train.ts";
import { describeEnvironment, type Environment } from "./environment.ts";
import { attentionSuite } from "./gpu/attention.ts";
import type { GpuContext } from "./gpu/context.ts";
import { matmulSuite } from "./gpu/matmul.ts";
import { memorySuite } from "./gpu/memory.ts";
import { utilisation } from "./gpu/peaks.ts";
import { scalingSuite } from "./gpu/scaling.ts";
import { trainSuite } from "./gpu/train.ts";
import { tuneSuite } from "./gpu/tune.ts";
import { openRunners, VARIANTS } from "./gpu/variants.ts";
import type { BenchOptions, Suite } from "./options.ts";
import { openPyTorch } from "./peers/pytorch.ts";
import type { Row } from "./row.ts";

/** What one run measured, and where. */
export interface BenchResult {
  readonly environment: Environment;
  readonly rows: readonly Row[];
}

/** Told while a run goes on. */
export interface BenchProgress {
  started(environment: Environment): void;
  row(row: Row): void;
}

/** Runs the suites on the GPU, or on the CPU where that is asked for or there is none. */
export async function runBench(options: BenchOptions, progress: BenchProgress): Promise<BenchResult> {
  using probe = await openDevice(openOptions(options));
  return probe.info.backend === "webgpu" ? runOnGpu(options, progress) : runOnCpu(options, progress);
}

function openOptions({ backend, tier }: BenchOptions) {
  return { backend, ...(tier ? { tier } : {}), ...(backend === "webgpu" ? { allowSoftware: true } : {}) };
}

async function runOnGpu(options: BenchOptions, progress: BenchProgress): Promise<BenchResult> {
  const budget = startBudget(options.budget);
  const peer = options.peers ? await openPyTorch() : "not asked for (--no-peers)";
  const runners = await openRunners(options.variants, openOptions(options));
  const devices = runners.map(({ device, variant }) => ({ ...device.info, variant, options: VARIANTS[variant] }));
  const versions = typeof peer === "string" ? peer : `${peer.info.torch}, CUDA ${peer.info.cuda}, ${peer.info.device}`;
  const environment = await describeEnvironment(devices, versions);
  progress.started(environment);
  const rows: Row[] = [];
  const adapter = environment.gpu?.name ?? runners[0]?.device.info.adapter ?? "";
  const emit = (measured: Row): void => {
    const { gflops, dtype } = measured;
    const share = gflops && dtype ? utilisation(gflops, dtype, adapter) : undefined;
    const row = share === undefined ? measured : { ...measured, utilisation: share };
    rows.push(row);
    progress.row(row);
  };
  const { sizes, quick, suites, text } = options;
  const pytorch = typeof peer === "string" ? undefined : peer;
  const context: GpuContext = { runners, pytorch, sizes, quick, budget, emit };
  const run: Readonly<Record<Suite, () => Promise<void>>> = {
    tune: () => tuneSuite(context),
    attention: () => attentionSuite(context),
    matmul: () => matmulSuite(context),
    train: () => trainSuite(context, text),
    memory: () => memorySuite(context),
    scaling: () => scalingSuite(context),
  };
  try {
    for (const suite of suites) await run[suite]();
  } finally {
    pytorch?.close();
    for (const { device } of runners) device.dispose();
  }
  return { environment, rows };
}

/** One thread and all threads. `memory` and `scaling` are about GPUs. */
async function runOnCpu({ suites, sizes, peers }: BenchOptions, progress: BenchProgress): Promise<BenchResult> {
  const all = await openDevice({ backend: "wasm" });
  const devices = all.info.threads === 1 ? [all] : [await openDevice({ backend: "wasm", threads: 1 }), all];
  const environment = await describeEnvironment(
    devices.map(({ info }) => info),
    "not timed on the CPU",
  );
  progress.started(environment);
  const run: Readonly<Partial<Record<Suite, (context: SuiteContext) => Promise<Row[]>>>> = {
    attention: cpuAttentionSuite,
    matmul: cpuMatmulSuite,
    train: cpuTrainSuite,
  };
  const rows: Row[] = [];
  for (const suite of suites) {
    const found = (await run[suite]?.({ devices, peers, ...(sizes ? { sizes } : {}) })) ?? [
      { what: suite, who: "dilated (wasm)", note: "skipped: this suite is about GPUs" },
    ];
    for (const row of found) {
      rows.push(row);
      progress.row(row);
    }
  }
  for (const device of devices) device.dispose();
  return { environment, rows };
}
