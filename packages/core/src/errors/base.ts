/** Marks every error of this library, whichever copy of the package made it (two versions in one bundle break `instanceof`). */
const MARK: unique symbol = Symbol.for("@dilated/error") as never;

/** Codes by which programs tell errors apart; the text is for people. */
export type ErrorCode =
  | "SHAPE"
  | "DTYPE"
  | "DEVICE"
  | "CONFIG"
  | "LIMIT"
  | "FEATURE"
  | "SHADER"
  | "DEVICE_LOST"
  | "OUT_OF_MEMORY"
  | "DISPOSED"
  | "ABORTED"
  | "FORMAT"
  | "FILE";

/** What every error of this library is built from. */
export interface ErrorParts {
  /** The values involved, one a line: what was given, what is allowed. */
  readonly details?: readonly string[];
  /** The cheapest change that makes the call succeed. */
  readonly fix?: string;
  /** The error that led to this one. */
  readonly cause?: unknown;
}

/**
 * Base of every error thrown by Dilated. The message holds one sentence that names the function, then the values, then the fix.
 *
 * @example
 * ```ts
 * import { DilatedError, openDevice } from "@dilated/core";
 * const device = await openDevice();
 * try {
 *   device.tensor([1, 2, 3], [2, 2]);
 * } catch (error) {
 *   if (DilatedError.is(error)) console.error(error.code, error.fix); // SHAPE pass as many values as the shape has elements
 * }
 * device.dispose();
 * ```
 */
export class DilatedError extends Error {
  /** Stable code of this kind of error. */
  readonly code: ErrorCode;
  /** The values involved, one a line. */
  readonly details: readonly string[];
  /** The cheapest change that makes the call succeed, when there is one. */
  readonly fix: string | undefined;

  constructor(code: ErrorCode, summary: string, parts: ErrorParts = {}) {
    const { details = [], fix, cause } = parts;
    const lines = [summary, ...details.map((line) => `  ${line}`), ...(fix ? [`Fix: ${fix}`] : [])];
    super(lines.join("\n"), cause === undefined ? undefined : { cause });
    this.name = new.target.name;
    this.code = code;
    this.details = details;
    this.fix = fix;
    Object.defineProperty(this, MARK, { value: true });
  }

  /** True for an error of this library, also when another copy of the package made it. */
  static is(error: unknown): error is DilatedError {
    return typeof error === "object" && error !== null && MARK in error;
  }
}
