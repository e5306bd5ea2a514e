import { cpus } from "node:os";
import type { DeviceInfo } from "@dilated/core";
import { type GpuStatus, gpuStatus } from "./nvidia-smi.ts";
import { type Versions, versions } from "./versions.ts";

/** Where and with what a run was made. */
export interface Environment {
  readonly date: string;
  readonly node: string;
  readonly versions: Versions;
  readonly cpu: string;
  readonly cores: number;
  readonly gpu: GpuStatus | undefined;
  readonly devices: readonly (DeviceInfo & { readonly variant?: string; readonly options?: object })[];
  /** Versions of PyTorch and CUDA, or why there is no such peer. */
  readonly pytorch: string;
}

/** Asks the machine. */
export async function describeEnvironment(devices: Environment["devices"], pytorch: string): Promise<Environment> {
  return {
    date: new Date().toISOString(),
    node: process.version,
    versions: versions(),
    cpu: cpus()[0]?.model.trim() ?? "unknown",
    cores: cpus().length,
    gpu: await gpuStatus(),
    devices,
    pytorch,
  };
}

/** The environment, a line a thing. */
export function formatEnvironment({ date, node, versions, cpu, cores, gpu, devices, pytorch }: Environment): string[] {
  return [
    `${date}, Dilated ${versions.dilated}, webgpu ${versions.webgpu}, Node ${node}, ${cpu} (${cores} cores)`,
    ...(gpu ? [`${gpu.name}, driver ${gpu.driver}, ${(gpu.totalBytes / 2 ** 30).toFixed(0)} GiB`] : []),
    ...devices.flatMap(({ variant, options, backend, tier, adapter, threads, software, robustness, features = [] }) => [
      `${variant ? `switches "${variant}" ${JSON.stringify(options)}: ` : ""}${backend} ${tier}, ${adapter}` +
        `${backend === "wasm" ? `, ${threads} thread(s)` : `, bounds checks ${robustness === false ? "off" : "on"}`}` +
        `${software ? ", SOFTWARE adapter: not a GPU timing" : ""}`,
      ...(features.length > 0 ? [`features: ${features.join(", ")}`] : []),
    ]),
    `PyTorch: ${pytorch}`,
  ];
}
