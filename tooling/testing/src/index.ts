export { type Tolerance, toBeAllClose } from "./all-close.ts";
export { openTestDevice, type TestBackend } from "./device.ts";
export { type Share, share, shareOf } from "./share.ts";
