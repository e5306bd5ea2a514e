import type { Device } from "@dilated/core";
import { cached } from "../../shared/device-cache.ts";
import type { AttentionCall } from "../engine.ts";
import type { ResolvedAttention } from "../pattern/options.ts";
import { dilated } from "../schedule/dilated/dilated.ts";
import type { Schedule } from "../schedule/schedule.ts";

/** A call of dilated attention as the engine and the oracle take it. */
export function callOf(
  resolved: ResolvedAttention,
  schedule: Schedule = dilated(resolved),
  caller = "dilatedAttention",
): AttentionCall {
  const { B, N, M, H, G, D, Dv, scale, softcap, outScale, dropout } = resolved;
  return { B, N, M, H, G, D, Dv, scale, softcap, outScale, dropout, caller, schedule };
}

/** The same for a device, whose plans are kept by the schedule's identity: calls of one pattern share one. */
export function deviceCall(device: Device, resolved: ResolvedAttention, caller?: string): AttentionCall {
  const { B, N, M, H, G, headOffset, zeroPad, detached, branches, sequences } = resolved;
  const ladder = branches.map(({ w, r, low, high }) => `${w}/${r}/${low}/${high}`);
  const packed = sequences.map(({ end, keyEnd, shift }) => `${end}/${keyEnd}/${shift}`);
  const key = `dilated ${[B, N, M, H, G, headOffset, zeroPad, detached]} ${ladder} ${packed}`;
  const { schedule } = cached(device, key, () => ({ schedule: dilated(resolved), tables: [] }));
  return callOf(resolved, schedule, caller);
}
