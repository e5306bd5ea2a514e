/**
 * Tuning: the fastest variants of the kernels for a device, found, kept and used.
 * @module
 */
export { tuningStore } from "#tuning-store";
export { type LoadedTuning, loadTuning, saveTuning } from "./found.ts";
export type { TuneOptions, TuneProgress } from "./options.ts";
export { type CandidateReport, formatTuning, type KeyReport, type TuneReport } from "./report.ts";
export type { TuningStore } from "./store/store.ts";
export { tune } from "./tune.ts";
export { tuned } from "./tuned.ts";
export type { PreparedWorkload, TuneWorkload } from "./workload.ts";
export type { AttentionWorkload } from "./workloads/attention.ts";
export type { MatmulWorkload } from "./workloads/matmul.ts";
