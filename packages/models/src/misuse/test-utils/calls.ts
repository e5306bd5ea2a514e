import type { Device } from "@dilated/core";
import type { ValidCall } from "./fuzz.ts";
import { coreCalls, kernelCalls } from "./kernel-calls.ts";
import { modelCalls } from "./model-calls.ts";
import { sparseCalls } from "./sparse-calls.ts";
import { fileCalls, trainingCalls } from "./training-calls.ts";

/** Right calls of every public function, by the list that says what is accepted in place of their arguments. */
export const callsByPackage: Readonly<
  Record<string, (device: Device, folder: string) => readonly ValidCall[] | Promise<readonly ValidCall[]>>
> = {
  core: coreCalls,
  kernels: kernelCalls,
  sparse: sparseCalls,
  models: modelCalls,
  training: trainingCalls,
  files: fileCalls,
};
