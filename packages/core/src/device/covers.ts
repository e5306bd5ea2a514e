import { ALLOCATION_ALIGN } from "../tensor/dtype.ts";
import type { BackendBuffer } from "./backend.ts";

/** Whether so many bytes from there on are everything that the buffer's tensor holds: it may be a few bytes longer. */
export function coversBuffer(buffer: Pick<BackendBuffer, "bytes">, offset: number, bytes: number): boolean {
  return offset === 0 && bytes > buffer.bytes - ALLOCATION_ALIGN;
}
