import type { Device, KernelCall, KernelDefinition } from "@dilated/core";

type OnLaunch = (kernel: KernelDefinition, call: KernelCall) => void;

/**
 * Runs `work` without its launches and copies, and frees its tensors. `onLaunch` hears of each launch when it would be queued: only then do all its
 * tensors live, since work disposes of temporaries as soon as it has queued what uses them. `work` must be synchronous, so nobody else's launches come between.
 */
export function dryRun(device: Device, work: () => unknown, onLaunch: OnLaunch = () => {}): void {
  device.scope(() => {
    // Hide the methods of the class for this one device until they are deleted.
    const shadow: { run?: unknown; copy?: unknown } = device;
    shadow.run = onLaunch;
    shadow.copy = () => {};
    try {
      work();
    } finally {
      delete shadow.run;
      delete shadow.copy;
    }
  });
}

/** Compiles what `work` would launch, in parallel, without running it. */
export async function compile(device: Device, work: () => unknown): Promise<void> {
  const compiling: Promise<void>[] = [];
  dryRun(device, work, (kernel, call) => {
    const compiled = device.warmup([[kernel, call]]);
    compiled.catch(() => {}); // where `work` fails, nobody waits for it any more
    compiling.push(compiled);
  });
  await Promise.all(compiling);
}
