export { openTestDevice, type TestBackend } from "./device.ts";
export { type Tolerance, toBeAllClose } from "./all-close.ts";
