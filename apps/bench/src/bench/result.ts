import type { Environment } from "./environment.ts";
import type { Suite } from "./options.ts";
import type { Row } from "./row.ts";

/** A suite that ended early, and why. */
export interface Failure {
  readonly suite: Suite;
  readonly reason: string;
}

/** What was measured, and where: of one run, or of several that were merged. */
export interface BenchResult {
  /** One a run. */
  readonly environments: readonly Environment[];
  readonly rows: readonly Row[];
  readonly failures: readonly Failure[];
  /** Ended by a signal, with what it had. */
  readonly interrupted?: boolean;
}
