import { type Tensor, treeEntries } from "@dilated/core";
import type { ModelKind } from "../registry.ts";
import { POSITION_OFFSET, torchscaleName } from "./names.ts";

/** A parameter under its PyTorch name; `skip` rows of the original come before it. */
export interface TorchscaleEntry {
  readonly name: string;
  readonly tensor: Tensor;
  readonly skip: number;
}

/** Every parameter of a model (or of a tree of its shape, such as its gradients) under its PyTorch name. */
export function torchscaleEntries(model: {
  readonly kind: ModelKind;
  readonly parameters: unknown;
}): TorchscaleEntry[] {
  return treeEntries(model.parameters).map(([ours, tensor]) => {
    const skip = /(^|\.)positions$/.test(ours) ? POSITION_OFFSET : 0;
    return { name: torchscaleName(model.kind, ours), tensor, skip };
  });
}
