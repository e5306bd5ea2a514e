import type { BoundCall } from "../device/backend.ts";
import { ConfigError, LimitError } from "../errors/index.ts";
import type { WebGPUBuffer } from "./buffer.ts";

/** Workgroups along one axis: the same on every WebGPU device. */
export const MAX_GROUPS_PER_AXIS = 65_535;

/** Part of a launch: flat workgroups `[begin, end)`, as the grid that WebGPU is given. The grid may be larger; kernels return past `end`. */
export interface Piece {
  readonly begin: number;
  readonly end: number;
  readonly fold: readonly [number, number, number];
}

/** A grid of at least `count` workgroups, nearly square in its excess: fewer than one row is idle. */
export function foldGroups(count: number, limit: number = MAX_GROUPS_PER_AXIS): [number, number, number] {
  const rows = Math.ceil(count / limit);
  const z = Math.ceil(rows / limit);
  const y = Math.ceil(rows / z);
  const x = Math.ceil(count / (y * z));
  if (z > limit)
    throw new LimitError(`${count} workgroups do not fit one launch`, {
      details: [`largest grid: ${limit}^3`],
      fix: "give each workgroup more work",
    });
  return [x, y, z];
}

/** Cuts `groups` in at most `parts` nearly equal pieces. */
export function splitGroups(groups: number, parts: number, limit?: number): Piece[] {
  const each = Math.ceil(groups / Math.max(1, Math.min(parts, groups)));
  const pieces: Piece[] = [];
  for (let begin = 0; begin < groups; begin += each) {
    const end = Math.min(groups, begin + each);
    pieces.push({ begin, end, fold: foldGroups(end - begin, limit) });
  }
  return pieces;
}

/** Flat indices are u32 in WGSL. */
export function checkGroups(call: BoundCall): void {
  if (!Number.isInteger(call.groups) || call.groups < 0 || call.groups >= 2 ** 32) {
    throw new LimitError(`${call.kernel.name}: ${call.groups} workgroups`, {
      details: ["a whole number under 2^32"],
      fix: "give each workgroup more work",
    });
  }
}

/**
 * WebGPU lets a launch write a buffer only through bindings that do not overlap, and read it through no other at all; without this check the
 * whole submission would be dropped.
 */
export function checkAliasing(call: BoundCall): void {
  const slots = Object.entries(call.kernel.tensors);
  for (let i = 0; i < slots.length; i++) {
    const a = call.bound[i];
    for (let j = 0; a && j < i; j++) {
      const b = call.bound[j];
      if (!b || (a.buffer as WebGPUBuffer).block !== (b.buffer as WebGPUBuffer).block) continue;
      const writes = [i, j].filter((slot) => slots[slot]?.[1].access !== "read").length;
      const apart = a.offset + a.bytes <= b.offset || b.offset + b.bytes <= a.offset;
      if (writes === 0 || (writes === 2 && apart)) continue;
      throw new ConfigError(
        `${call.kernel.name}: "${slots[j]?.[0]}" and "${slots[i]?.[0]}" are one buffer, and the kernel writes it`,
        {
          details: [`bytes ${b.offset} to ${b.offset + b.bytes}, and ${a.offset} to ${a.offset + a.bytes}`],
          fix: "use one read_write slot to work in place, or write to another tensor",
        },
      );
    }
  }
}
