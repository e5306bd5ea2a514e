import type { Device, KernelCall, KernelDefinition } from "@dilated/core";

type Launches = (readonly [KernelDefinition, KernelCall])[];

/**
 * Runs `work` with its launches noted instead of queued, and its tensors freed; then `use` may look at them, while the tensors still live. `work` must be
 * synchronous, so nobody else's launches come between.
 */
export function dryRun<R>(device: Device, work: () => unknown, use: (launches: Launches) => R): R {
  let result: { readonly value: R } | undefined;
  device.scope(() => {
    const launches: Launches = [];
    // Hides the method of the class for this one device until it is deleted.
    const shadow: { run?: unknown } = device;
    shadow.run = (kernel: KernelDefinition, call: KernelCall) => void launches.push([kernel, call]);
    try {
      work();
    } finally {
      delete shadow.run;
    }
    result = { value: use(launches) };
  });
  return (result as { readonly value: R }).value;
}

/** Compiles what `work` would launch, in parallel, without running it. */
export function compile(device: Device, work: () => unknown): Promise<void> {
  return dryRun(device, work, (launches) => device.warmup(launches));
}
