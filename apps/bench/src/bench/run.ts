import { openDevice } from "@dilated/core";
import { startBudget } from "./budget.ts";
import { cpuAttentionSuite } from "./cpu/attention.ts";
import { cpuMatmulSuite } from "./cpu/matmul.ts";
import type { SuiteContext } from "./cpu/suite.ts";
import { cpuTrainSuite } from "./cpu/train.ts";
import { describeEnvironment, type Environment } from "./environment.ts";
import { attentionSuite, denseSuite } from "./gpu/attention.ts";
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
import type { Failure } from "./result.ts";
import type { Row } from "./row.ts";

/** Told while a run goes on. */
export interface BenchProgress {
  started(environment: Environment): void;
  row(row: Row): void;
  /** Something slow is still going on. */
  waiting(what: string, seconds: number): void;
  /** A suite ended early; the others go on. */
  failed(failure: Failure): void;
}

/** Runs the suites on the GPU, or on the CPU where that is asked for or there is none. */
export async function runBench(options: BenchOptions, progress: BenchProgress): Promise<void> {
  using probe = await openDevice(openOptions(options));
  return probe.info.backend === "webgpu" ? runOnGpu(options, progress) : runOnCpu(options, progress);
}

function openOptions({ backend, tier }: BenchOptions) {
  return { backend, ...(tier ? { tier } : {}), ...(backend === "webgpu" ? { allowSoftware: true } : {}) };
}

async function runOnGpu(options: BenchOptions, progress: BenchProgress): Promise<void> {
  const budget = startBudget(options.budget);
  const peer = options.peers ? await openPyTorch() : "not asked for (--no-peers)";
  const runners = await openRunners(options.variants, openOptions(options));
  const devices = runners.map(({ device, variant }) => ({ ...device.info, variant, options: VARIANTS[variant] }));
  const versions = typeof peer === "string" ? peer : `${peer.info.torch}, CUDA ${peer.info.cuda}, ${peer.info.device}`;
  const environment = await describeEnvironment(devices, versions);
  progress.started(environment);
  const adapter = environment.gpu?.name ?? runners[0]?.device.info.adapter ?? "";
  const emit = (measured: Row): void => {
    const { gflops, dtype } = measured;
    const share = gflops && dtype ? utilisation(gflops, dtype, adapter) : undefined;
    progress.row(share === undefined ? measured : { ...measured, utilisation: share });
  };
  const { sizes, quick, suites, text } = options;
  const pytorch = typeof peer === "string" ? undefined : peer;
  const context: GpuContext = { runners, pytorch, sizes, quick, budget, emit, waiting: progress.waiting };
  const run: Readonly<Record<Suite, () => Promise<void>>> = {
    tune: () => tuneSuite(context),
    attention: () => attentionSuite(context),
    dense: () => denseSuite(context),
    matmul: () => matmulSuite(context),
    train: () => trainSuite(context, text),
    memory: () => memorySuite(context),
    scaling: () => scalingSuite(context),
  };
  try {
    for (const suite of suites) await guarded(suite, progress, run[suite]);
  } finally {
    pytorch?.close();
    for (const { device } of runners) device.dispose();
  }
}

/** A suite that throws loses what it had not measured yet, and nothing else. */
async function guarded(suite: Suite, progress: BenchProgress, run: () => Promise<void>): Promise<void> {
  try {
    await run();
  } catch (error) {
    progress.failed({ suite, reason: error instanceof Error ? error.message : String(error) });
  }
}

/** One thread and all threads. `memory` and `scaling` are about GPUs. */
async function runOnCpu({ suites, sizes, peers }: BenchOptions, progress: BenchProgress): Promise<void> {
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
  const context = { devices, peers, ...(sizes ? { sizes } : {}) };
  const skipped = { who: "dilated (wasm)", note: "skipped: this suite is about GPUs" };
  for (const suite of suites)
    await guarded(suite, progress, async () => {
      for (const row of (await run[suite]?.(context)) ?? [{ what: suite, ...skipped }]) progress.row(row);
    });
  for (const device of devices) device.dispose();
}
