import { execFile } from "node:child_process";

/** What the driver says about the first GPU. */
export interface GpuStatus {
  readonly name: string;
  readonly driver: string;
  /** Bytes in use by all processes. */
  readonly usedBytes: number;
  readonly totalBytes: number;
}

/** Asks `nvidia-smi`; undefined where there is none. */
export function gpuStatus(): Promise<GpuStatus | undefined> {
  const fields = "name,driver_version,memory.used,memory.total";
  return new Promise((resolve) => {
    execFile("nvidia-smi", [`--query-gpu=${fields}`, "--format=csv,noheader,nounits"], (error, stdout) => {
      resolve(error ? undefined : parseGpuStatus(stdout));
    });
  });
}

/** The first line of nvidia-smi's CSV; its memory counts MiB. */
export function parseGpuStatus(csv: string): GpuStatus | undefined {
  const [name, driver, used, total] = csv.trim().split("\n")[0]?.split(/,\s*/) ?? [];
  if (!name || !driver || !Number.isFinite(Number(used))) return undefined;
  return { name, driver, usedBytes: Number(used) * 2 ** 20, totalBytes: Number(total) * 2 ** 20 };
}
