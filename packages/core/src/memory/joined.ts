import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import type { Device } from "../device/device.ts";
import { OutOfMemoryError } from "../errors/index.ts";
import { castInto } from "../ops/cast.ts";
import { fill } from "../ops/fill.ts";
import { BYTES, type DType } from "../tensor/dtype.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { treeMap, treeTensors } from "../tensor/tree.ts";
import { type Group, layOut } from "./layout.ts";
import { joinedRuns } from "./runs.ts";

/** What tensors that are made together are. */
export interface JoinedOptions {
  readonly dtype: DType;
  readonly label: string;
  /** What they are filled with. @defaultValue nothing: their contents are undefined */
  readonly value?: number | undefined;
}

const TREE = field.any("a tree of tensors");
const JOIN = { tree: field.optional(TREE) };
const LIKE = { tree: TREE, options: field.any("options") };

/**
 * Internal: moves the tensors of a tree into few buffers, in which they lie side by side, so that one launch can go
 * over many of them (see `joinedRuns`). To whoever holds them they stay the tensors that they were. Those whose buffer
 * somebody outside knows (`fromGPUBuffer`, `gpuBuffer`) stay where they are, and so do all for which there is no room.
 */
export function joinTensors(tree: unknown): void {
  checkCall("joinTensors", JOIN, arguments);
  const tensors = treeTensors(tree);
  const device = tensors[0]?.device;
  if (!device || device.isDry) return;
  const pooled = device.stats().pooled;
  const movable = tensors.filter((tensor) => tensor.device === device && !tensor.storage.pinned);
  for (const dtype of new Set(movable.map((tensor) => tensor.dtype))) {
    const alike = movable.filter((tensor) => tensor.dtype === dtype);
    for (const group of layOut(device, alike)) {
      if (liesAs(group, alike)) continue;
      try {
        moveTogether(device, group, alike);
      } catch (error) {
        if (error instanceof OutOfMemoryError) return; // it is a matter of speed alone
        throw error;
      }
    }
  }
  device.trim(pooled); // buffers of sizes that may never be asked for again
}

/** Internal: new tensors of the shapes of a tree, which lie as {@link joinTensors} would lay them; all or none. */
export function joinedLike<T>(tree: T, options: JoinedOptions): T {
  checkCall("joinedLike", LIKE, arguments);
  const likes = treeTensors(tree);
  const device = likes[0]?.device;
  if (!device) return tree;
  const made = new Map<number, Tensor>();
  return device.attempt(() => {
    const places = joinedPlaces(likes, options);
    try {
      for (const { id } of likes) {
        const place = places.take(id);
        if (place) made.set(id, place);
      }
    } finally {
      places.dispose();
    }
    const alone = ({ shape }: Tensor): Tensor => {
      const { value, ...rest } = options;
      return value === undefined ? device.empty(shape, rest) : fill(device.empty(shape, rest), value);
    };
    return treeMap(tree, (like) => made.get(like.id) ?? alone(like));
  });
}

/** Places for tensors, side by side; each buffer is made when the first tensor in it is asked for. */
export interface JoinedPlaces {
  /** The place for the tensor of this id; undefined where there is none, or somebody has it. */
  take(id: number): Tensor | undefined;
  /** What has been taken stays. */
  dispose(): void;
}

/** Internal: places for the gradients of parameters, which lie as {@link joinTensors} lays those. */
export function gradientPlaces(parameters: readonly Tensor[]): JoinedPlaces {
  return joinedPlaces(parameters, { label: "grad" });
}

/** Places for tensors of the shapes of `likes`, by their ids. */
function joinedPlaces(
  likes: readonly Tensor[],
  options: Partial<JoinedOptions> & { readonly label: string },
): JoinedPlaces {
  const free = new Map<number, { readonly group: Group; readonly at: number; readonly like: Tensor }>();
  const buffers = new Map<Group, Tensor>();
  const device = (likes[0] as Tensor).device;
  const byDtype = new Map<DType, Tensor[]>();
  for (const like of likes) {
    const dtype = options.dtype ?? like.dtype;
    byDtype.set(dtype, [...(byDtype.get(dtype) ?? []), like]);
  }
  const dtypes = new Map<Group, DType>();
  for (const [dtype, alike] of byDtype) {
    for (const group of layOut(device, alike)) {
      dtypes.set(group, dtype);
      group.members.forEach((i, k) => {
        const like = alike[i] as Tensor;
        free.set(like.id, { group, at: group.offsets[k] as number, like });
      });
    }
  }
  const bufferOf = (group: Group): Tensor => {
    const present = buffers.get(group);
    if (present) return present;
    using scoped = device.emptyBuffer(group.elements, dtypes.get(group) as DType);
    if (options.value !== undefined) fill(scoped, options.value);
    const buffer = scoped.detachedAlias();
    buffers.set(group, buffer);
    return buffer;
  };
  return {
    take: (id) => {
      const place = free.get(id);
      if (!place) return undefined;
      free.delete(id);
      return device.sliceOf(bufferOf(place.group), place.at, place.like.shape, options.label);
    },
    dispose: () => {
      for (const buffer of buffers.values()) buffer.dispose();
    },
  };
}

/** Internal: the same numbers in another dtype, by one launch a run; those that have it already, by their handles. */
export function castJoined(tensors: readonly Tensor[], dtype: DType): readonly Tensor[] {
  if (tensors.every((tensor) => tensor.dtype === dtype)) return tensors;
  const { device } = tensors[0] as Tensor;
  const label = (tensors[0] as Tensor).label;
  return device.scope(() => {
    const made = joinedLike(tensors, { dtype, label }) as readonly Tensor[];
    for (const { of } of joinedRuns([tensors, made])) castInto(of(0) as Tensor, of(1) as Tensor);
    return made;
  });
}

/** Whether a group lies side by side already. */
function liesAs({ members, offsets }: Group, tensors: readonly Tensor[]): boolean {
  const [first] = members;
  const within = tensors[first as number]?.storage.within;
  return members.every((i, k) => {
    const { storage, dtype } = tensors[i] as Tensor;
    return (
      within !== undefined && storage.within === within && storage.offset === (offsets[k] as number) * BYTES[dtype]
    );
  });
}

function moveTogether(device: Device, { members, offsets, elements }: Group, tensors: readonly Tensor[]): void {
  const [first] = members;
  const { dtype } = tensors[first as number] as Tensor;
  device.scope(() => {
    const buffer = device.emptyBuffer(elements, dtype);
    members.forEach((i, k) => {
      const tensor = tensors[i] as Tensor;
      const at = offsets[k] as number;
      device.copy(tensor, buffer, { to: at, count: tensor.size });
      using place = device.sliceOf(buffer, at, tensor.shape);
      tensor.storage.swap(place.storage); // and the old memory goes with `place`
    });
  });
}
