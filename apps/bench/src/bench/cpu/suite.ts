import type { Device } from "@dilated/core";

/** What a suite is given. */
export interface SuiteContext {
  /** The devices to time: on the CPU one with a single thread and one with all. */
  readonly devices: readonly Device[];
  readonly sizes?: readonly number[];
  readonly peers: boolean;
}
