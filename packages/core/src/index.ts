export { apply } from "./autograd/apply.ts";
export { checkpoint } from "./autograd/checkpoint.ts";
export { countsMeans, type MeanCount, meanOver, withMeanCounts } from "./autograd/mean-over.ts";
export type { BackwardCall, DifferentiableOp, ForwardResult, Maybe } from "./autograd/op.ts";
export { reshape, stopGradient } from "./autograd/structure.ts";
export { type ValueAndGrad, type ValueAndGradOptions, valueAndGrad } from "./autograd/value-and-grad.ts";
export { checkArgument, checkCall } from "./config/call.ts";
export type { Field, FieldsOf, Filled, JsonSchema, Schema, Values } from "./config/fields.ts";
export * as field from "./config/fields.ts";
export { isPlain } from "./config/plain.ts";
export { show } from "./config/show.ts";
export { checkConfig, checkOptions } from "./config/validate.ts";
export type { DeviceInfo, DeviceLimits, MatrixShape, MemoryStats } from "./device/backend.ts";
export { Device, type TensorOptions } from "./device/device.ts";
export type { FromGPUBufferOptions } from "./device/from-gpu-buffer.ts";
export { openDevice } from "./device/open.ts";
export type { OpenDeviceOptions } from "./device/options.ts";
export * from "./errors/index.ts";
export { DISPOSE, type DisposableLike, DisposedByUsing } from "./foreign/dispose.ts";
export type {
  AbortSignalLike,
  GPUBufferLike,
  GPUDeviceLike,
  OwnBytes,
  PlatformAbortSignal,
  PlatformGPUBuffer,
} from "./foreign/types.ts";
export {
  type HostOutput,
  type HostTask,
  type HostTaskOptions,
  type HostTensor,
  hostTask,
} from "./host-task/host-task.ts";
export type { HostTaskContext } from "./host-task/task.ts";
export { defineKernel } from "./kernel/define.ts";
export type {
  KernelCall,
  KernelDefinition,
  PackedBuild,
  PackedWasmModule,
  ScalarType,
  TensorArgument,
  TensorSlot,
  TensorView,
  WasmEntry,
  WasmModule,
  WgslSource,
} from "./kernel/definition.ts";
export { type KernelVariant, requiredFeatures, wgslOf } from "./kernel/prelude.ts";
export { castJoined, gradientPlaces, joinedLike, joinTensors } from "./memory/joined.ts";
export { type JoinedRun, joinedRuns } from "./memory/runs.ts";
export { accumulate } from "./ops/accumulate.ts";
export { cast } from "./ops/cast.ts";
export { fill } from "./ops/fill.ts";
export { type RandomOptions, randomNormal, randomUniform } from "./ops/random.ts";
export { type FlatWindow, forEachWindow } from "./ops/windows.ts";
export { eventLoopPauses } from "./platform/event-loop-pauses.ts";
export { formatProfile } from "./profile/format.ts";
export type { KernelProfile, Profile, ProfileOptions } from "./profile/profile.ts";
export { type PhiloxCounter, type PhiloxKey, philox4x32 } from "./random/philox.ts";
export { deriveSeed, RANDOM_DOMAINS, seedKey } from "./random/seeds.ts";
export { philoxWgsl } from "./random/wgsl.ts";
export { parseStrict } from "./safetensors/json.ts";
export {
  decodeSafetensors,
  readSafetensors,
  type SafeTensor,
  type SafetensorsFile,
  type StoredTensor,
} from "./safetensors/read.ts";
export type { StoredType } from "./safetensors/stored-types.ts";
export {
  encodeSafetensors,
  type StoredToWrite,
  type TensorsToWrite,
  type TensorToWrite,
  writeSafetensors,
} from "./safetensors/write.ts";
export { BYTES, type DType, type TensorData } from "./tensor/dtype.ts";
export type { HostNumbers } from "./tensor/encoding.ts";
export { f16ToF32, f32ToF16 } from "./tensor/half.ts";
export type { ReadRange } from "./tensor/range.ts";
export type { Shape } from "./tensor/shape.ts";
export { checkShape, formatShape, sameShape, sizeOf } from "./tensor/shapes.ts";
export { Tensor } from "./tensor/tensor.ts";
export { checkParameters, type Tree, treeEntries, treeMap, treeTensors, treeTies } from "./tensor/tree.ts";
export { packedModule } from "./wasm/packed.ts";
