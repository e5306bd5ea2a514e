import type { Device, Tensor } from "@dilated/core";
import type { Row } from "../row.ts";
import { timed } from "./timing.ts";

/** How our rows are signed. */
export function nameOf(device: Device): string {
  const { backend, tier, threads } = device.info;
  return `dilated (${backend} ${tier}${backend === "wasm" ? `, ${threads} thread${threads > 1 ? "s" : ""}` : ""})`;
}

/** Checks the result of `work` before anything is timed, then times it until the device has finished. */
export async function timeOurs(
  device: Device,
  job: {
    readonly what: string;
    readonly flops: number;
    readonly work: () => Tensor;
    readonly errorOf?: (result: ArrayLike<number>) => number;
    readonly tolerance?: number;
  },
): Promise<Row> {
  const { what, flops, work, errorOf, tolerance = 1e-3 } = job;
  const start = performance.now();
  using result = device.scope(work);
  await device.sync();
  const firstMs = performance.now() - start;
  const error = errorOf?.(await result.data());
  if (error !== undefined && !(error <= tolerance)) {
    return { what, who: nameOf(device), error, note: `WRONG: over ${tolerance}; not timed` };
  }
  const timing = await timed(async () => {
    device.scope(() => void work());
    await device.sync();
  });
  return {
    what,
    who: nameOf(device),
    ms: timing.median,
    firstMs,
    gflops: flops / timing.median / 1e6,
    ...(error === undefined ? {} : { error }),
  };
}
