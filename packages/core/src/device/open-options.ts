import type { OpenDeviceOptions } from "./options.ts";
export function checkOpenOptions(_options: OpenDeviceOptions): void {}
