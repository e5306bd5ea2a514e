import { type Device, DeviceError, OutOfMemoryError } from "@dilated/core";

/** The methods through which everything goes that allocates, queues or waits. */
const CALLS = {
  empty: "allocate",
  run: "launch",
  copy: "copy",
  write: "write",
  readBytes: "read",
  sync: "sync",
} as const;

export type FailingCall = (typeof CALLS)[keyof typeof CALLS];

/** Counts what could fail on a device for reasons of the machine, and makes one of these calls fail. */
export interface FailingCalls {
  /** Calls since the last `failAt`. */
  readonly seen: readonly FailingCall[];
  /** From now on the n-th call, from 0, fails, and no other; undefined: none. */
  failAt(n: number | undefined): void;
}

/** Takes the place of these methods of a device, for as long as it lives. */
export function failingCalls(device: Device): FailingCalls {
  let seen: FailingCall[] = [];
  let bad: number | undefined;
  for (const [name, call] of Object.entries(CALLS)) {
    const own = device[name as keyof typeof CALLS] as (...args: unknown[]) => unknown;
    const failing = (...args: unknown[]): unknown => {
      if (seen.push(call) - 1 !== bad) return own.apply(device, args);
      const error = call === "allocate" ? new OutOfMemoryError("injected") : new DeviceError(`injected: ${call}`);
      if (call === "read" || call === "sync") return Promise.reject(error);
      throw error;
    };
    Object.assign(device, { [name]: failing });
  }
  return {
    get seen() {
      return seen;
    },
    failAt(n) {
      seen = [];
      bad = n;
    },
  };
}
