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

const MOST_LINES = 100;
const LONGEST_LINE = 500;

/**
 * Values from files and callers as people can read them: neither a million lines nor a line of a million characters.
 * The compiler's lines and the source of a shader stay whole.
 */
function readable(details: readonly string[]): string[] {
  const lines = details.slice(0, MOST_LINES).map(oneLine);
  return details.length > MOST_LINES ? [...lines, `and ${details.length - MOST_LINES} more`] : lines;
}

/** Cut in the middle, as what matters stands at both ends; without what makes a terminal do something. */
function oneLine(text: string): string {
  const { length } = text;
  const short = length > LONGEST_LINE ? `${text.slice(0, 300)} … ${length - 450} more … ${text.slice(-150)}` : text;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: those are what must not get to a terminal
  return short.replace(/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/g, "\ufffd");
}

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
    const { fix, cause } = parts;
    const details = code === "SHADER" ? (parts.details ?? []) : readable(parts.details ?? []);
    const lines = [oneLine(summary), ...details.map((line) => `  ${line}`), ...(fix ? [`Fix: ${oneLine(fix)}`] : [])];
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
