import { type Device, type OpenDeviceOptions, openDevice } from "@dilated/core";
import { inject } from "vitest";

/** What a device project of `vitest.config.ts` provides. */
export type TestBackend = "wasm" | "webgpu";

declare module "vitest" {
  export interface ProvidedContext {
    /** The backend that every device test of the project runs on. */
    backend: TestBackend;
  }
}

/** Opens a device on the backend of the running project; a software GPU will do. The caller disposes of it. */
export function openTestDevice(options: OpenDeviceOptions = {}): Promise<Device> {
  return openDevice({ allowSoftware: true, ...options, backend: inject("backend") });
}
