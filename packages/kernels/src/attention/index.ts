/**
 * The attention engine, for packages that bring schedules of their own or put attention together from parts: which keys
 * each query sees is a {@link Schedule}, and what some of the keys give is merged with what others gave.
 * @module
 */

export { type AttentionState, EMPTY_LSE, type ForwardTarget } from "./engine.ts";
export {
  attendPart,
  attendPartBackward,
  type PartGradients,
  type PartOptions,
  type PartPull,
} from "./op/attend-part.ts";
export { type DilatedScheduleOptions, dilated, type ScheduleShape } from "./op/dilated.ts";
export type { AttentionResult, KeyMask } from "./op/dilated-attention.ts";
export { mergeAttention } from "./op/merge.ts";
export { NO_BOUND } from "./pattern/options.ts";
export {
  CPU_WORDS,
  type CpuBackward,
  type CpuForward,
  type CpuPass,
  type PartKeys,
  type Piece,
  type Schedule,
  type ScheduledLaunch,
  type ScheduleText,
  type TileRole,
  type TileSizes,
} from "./schedule/schedule.ts";
