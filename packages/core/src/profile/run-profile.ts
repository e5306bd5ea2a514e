import * as field from "../config/fields.ts";
import { checkConfig } from "../config/validate.ts";
import type { Backend } from "../device/backend.ts";
import { DeviceError } from "../errors/index.ts";
import { HostTimes } from "./host-times.ts";
import { type Profile, type ProfileOptions, summarise } from "./profile.ts";

/** How the device is told that its launches are counted. */
interface Hook {
  /** Throws when somebody else is counting. */
  start(times: HostTimes): void;
  stop(): void;
}

const schema = { detail: field.withDefault(field.oneOf(["kernels", "total"] as const), "kernels") };

/** What `Device.profile` does. */
export async function runProfile<R>(
  backend: Backend,
  work: () => R | Promise<R>,
  options: ProfileOptions,
  hook: Hook,
): Promise<{ value: R; profile: Profile }> {
  const { detail } = checkConfig("profile", schema, options);
  if (!backend.startTiming)
    throw new DeviceError("profile: this device cannot be profiled", { fix: "open a WebGPU or WebAssembly device" });
  const host = new HostTimes();
  hook.start(host);
  try {
    await backend.sync().catch(() => {}); // whose fault it is, what was queued before; a device that is lost says so below
    const timer = backend.startTiming(detail);
    const started = performance.now();
    try {
      const value = await work();
      await backend.sync();
      const wallMs = performance.now() - started;
      return { value, profile: summarise(await timer.stop(), host.records, detail, wallMs) };
    } catch (error) {
      // The first error is the one that tells. What `work` had queued by then ends here, and its own faults with it.
      await backend.sync().catch(() => {});
      await timer.stop().catch(() => {});
      throw error;
    }
  } finally {
    hook.stop();
  }
}
