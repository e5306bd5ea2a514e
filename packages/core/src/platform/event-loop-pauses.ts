import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import { pauses } from "./pauses.ts";

const ARGUMENTS = { everyMs: field.optional(field.number(0)) };

/**
 * For long loops on the host: the function that it gives, awaited at each round, lets the event loop run timers, frames
 * and signals when the last time is older than `everyMs`, and costs next to nothing otherwise. What waits on a device
 * needs none of it.
 *
 * @param everyMs - milliseconds
 * @defaultValue everyMs 16: a frame at 60 Hz
 * @throws ConfigError for anything but a number from 0.
 * @example
 * ```ts
 * import { eventLoopPauses } from "@dilated/core";
 * const pause = eventLoopPauses();
 * let sum = 0;
 * for (let i = 0; i < 1e4; i++) {
 *   sum += Math.sqrt(i);
 *   await pause();
 * }
 * ```
 */
export function eventLoopPauses(everyMs?: number): () => Promise<void> | undefined {
  checkCall("eventLoopPauses", ARGUMENTS, arguments);
  return pauses(everyMs);
}
