import type { HostRecord } from "./profile.ts";

/** Sums up what this thread spends on launches, by kernel. */
export class HostTimes {
  readonly records: Map<string, HostRecord> = new Map<string, HostRecord>();

  /** Runs `queue`, which queues one launch of the kernel `name`. */
  time(name: string, queue: () => void): void {
    const start = performance.now();
    queue();
    const record = this.records.get(name) ?? { launches: 0, ms: 0 };
    record.launches += 1;
    record.ms += performance.now() - start;
    this.records.set(name, record);
  }
}
