import { eventLoopPauses } from "@dilated/core";

/** Long work of the host that may stop after each of its parts. */
export type Parts<T> = Generator<void, T>;

/** All of it at once. */
export function atOnce<T>(parts: Parts<T>): T {
  let part = parts.next();
  while (!part.done) part = parts.next();
  return part.value;
}

/** The same, with the event loop let in between parts. */
export async function inTurns<T>(parts: Parts<T>): Promise<T> {
  const pause = eventLoopPauses();
  for (let part = parts.next(); ; part = parts.next()) {
    if (part.done) return part.value;
    await pause();
  }
}
