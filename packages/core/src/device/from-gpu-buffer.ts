import * as field from "../config/fields.ts";
import { ConfigError, FeatureError, LimitError } from "../errors/index.ts";
import type { GPUBufferLike } from "../foreign/types.ts";
import { Storage } from "../memory/storage.ts";
import { ALLOCATION_ALIGN, BYTES, type DType } from "../tensor/dtype.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import type { Backend } from "./backend.ts";

/** How a GPUBuffer from outside becomes a tensor. */
export interface FromGPUBufferOptions {
  readonly shape: Shape;
  /** @defaultValue "f32" */
  readonly dtype?: DType | undefined;
  /** Name in errors. @defaultValue "gpu buffer" */
  readonly label?: string | undefined;
  /** Whether disposing of the tensor destroys the buffer. @defaultValue false */
  readonly own?: boolean | undefined;
}

export const GPU_BUFFER_OPTIONS: field.FieldsOf<FromGPUBufferOptions> = {
  shape: field.any("a shape"),
  dtype: field.optional(field.oneOf(Object.keys(BYTES) as DType[])),
  label: field.optional(field.string()),
  own: field.optional(field.boolean()),
};

/** GPUBufferUsage STORAGE | COPY_SRC | COPY_DST: kernels, `data()` and `write()`. */
const NEEDED = 0x80 | 0x4 | 0x8;

/** The storage over a GPUBuffer of the caller's, checked; its bytes count neither as live nor as pooled. */
export function storageOfGPUBuffer(backend: Backend, buffer: GPUBufferLike, options: FromGPUBufferOptions): Storage {
  const { shape, dtype = "f32", own = false } = options;
  checkShape("fromGPUBuffer", shape);
  if (!backend.adopt)
    throw new FeatureError(`fromGPUBuffer: this device runs on ${backend.info.backend}`, {
      fix: "open the device with { gpuDevice }",
    });
  if ((buffer.usage & NEEDED) !== NEEDED) {
    throw new ConfigError("fromGPUBuffer: the buffer lacks usages", {
      details: [`usage: ${buffer.usage}`],
      fix: "create it with STORAGE | COPY_SRC | COPY_DST",
    });
  }
  if (buffer.mapState !== "unmapped")
    throw new ConfigError("fromGPUBuffer: the buffer is mapped", { fix: "unmap() it first" });
  const bytes = Math.max(
    ALLOCATION_ALIGN,
    Math.ceil((sizeOf(shape) * BYTES[dtype]) / ALLOCATION_ALIGN) * ALLOCATION_ALIGN,
  );
  if (buffer.size < bytes) {
    throw new LimitError(`fromGPUBuffer: shape ${formatShape(shape)} of ${dtype} needs ${bytes} bytes`, {
      details: [
        `the buffer has ${buffer.size}`,
        `sizes are rounded up to ${ALLOCATION_ALIGN}: kernels touch whole groups of four elements`,
      ],
      fix: `create it with at least ${bytes} bytes`,
    });
  }
  const adopted = backend.adopt(buffer, bytes, own);
  return new Storage(adopted, () => backend.release(adopted));
}
