import { checkCall, checkParameters, field, type Tensor, treeEntries } from "@dilated/core";
import { MODEL_KINDS, type ModelKind } from "../registry.ts";
import { POSITION_OFFSET, torchscaleName } from "./names.ts";

/** A parameter under its PyTorch name; `skip` rows of the original come before it. */
export interface TorchscaleEntry {
  readonly name: string;
  readonly tensor: Tensor;
  readonly skip: number;
}

const MODEL = field.custom("a model, or an object of kind and parameters", (value) => {
  const { kind, parameters } = (value ?? {}) as { readonly kind?: unknown; readonly parameters?: unknown };
  return MODEL_KINDS.includes(kind as ModelKind) && typeof parameters === "object";
});

/** Every parameter of a model (or of a tree of its shape, such as its gradients) under its PyTorch name. */
export function torchscaleEntries(model: {
  readonly kind: ModelKind;
  readonly parameters: unknown;
}): TorchscaleEntry[] {
  checkCall("torchscaleEntries", { model: MODEL }, arguments);
  checkParameters("torchscaleEntries", model.parameters, "model.parameters");
  return treeEntries(model.parameters).map(([ours, tensor]) => {
    const skip = /(^|\.)positions$/.test(ours) ? POSITION_OFFSET : 0;
    return { name: torchscaleName(model.kind, ours), tensor, skip };
  });
}
