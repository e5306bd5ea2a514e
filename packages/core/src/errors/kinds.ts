import { DilatedError, type ErrorParts } from "./base.ts";

/** A tensor or option has the wrong rank, shape or length. */
export class ShapeError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("SHAPE", summary, parts);
  }
}

/** A tensor has a dtype that the function does not take. */
export class DtypeError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("DTYPE", summary, parts);
  }
}

/** Tensors of different devices were mixed, or no device could be opened. */
export class DeviceError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("DEVICE", summary, parts);
  }
}

/** Options or a configuration are wrong; `details` lists every bad field. */
export class ConfigError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("CONFIG", summary, parts);
  }
}

/** A size is over a limit of the device or of the operator; the message says what would fit. */
export class LimitError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("LIMIT", summary, parts);
  }
}

/** The device or the chosen path lacks something that was asked for. */
export class FeatureError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("FEATURE", summary, parts);
  }
}

/** A kernel failed to compile; the message holds the compiler's lines and the source. */
export class ShaderError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("SHADER", summary, parts);
  }
}

/** The GPU device was lost; everything that was pending is rejected with this error. */
export class DeviceLostError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("DEVICE_LOST", summary, parts);
  }
}

/** The memory budget or the device's memory is exhausted. */
export class OutOfMemoryError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("OUT_OF_MEMORY", summary, parts);
  }
}

/** A tensor or device was used after it was disposed. */
export class DisposedError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("DISPOSED", summary, parts);
  }
}

/** The caller's AbortSignal stopped the work. */
export class AbortedError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("ABORTED", summary, parts);
  }
}

/** A file or byte stream is not what it claims to be. */
export class FormatError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("FORMAT", summary, parts);
  }
}

/** A file or folder could not be read or written; `cause` is the error of the system, with its code. */
export class FileError extends DilatedError {
  constructor(summary: string, parts?: ErrorParts) {
    super("FILE", summary, parts);
  }
}
