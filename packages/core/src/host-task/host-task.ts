import { checkCall } from "../config/call.ts";
import * as field from "../config/fields.ts";
import type { Device } from "../device/device.ts";
import { ConfigError, ShapeError } from "../errors/index.ts";
import { quote } from "../errors/quote.ts";
import type { AbortSignalLike } from "../foreign/types.ts";
import type { DType } from "../tensor/dtype.ts";
import { checkList, encode, type HostNumbers } from "../tensor/encoding.ts";
import { checkShape, formatShape, type Shape, sizeOf } from "../tensor/shape.ts";
import type { Tensor } from "../tensor/tensor.ts";
import { OrderedBackend } from "./ordered-backend.ts";
import { type HostTaskContext, RunningTask } from "./task.ts";

/** A tensor as a host task reads it: what it held where the task was started. */
export interface HostTensor {
  /** Its elements, the task's own; f16 comes as raw half-precision words. */
  readonly data: Float32Array | Int32Array | Uint32Array | Uint16Array;
  readonly shape: Shape;
  readonly dtype: DType;
}

/** A tensor that a host task makes. */
export interface HostOutput {
  readonly shape: Shape;
  /** @defaultValue "f32" */
  readonly dtype?: DType | undefined;
  /** What memory reports call it. @defaultValue the task's name */
  readonly label?: string | undefined;
}

export interface HostTaskOptions {
  /**
   * What runs on the host. It is given the inputs and gives a flat list of numbers for each output, as `device.tensor`
   * takes them (f16: a Uint16Array is raw words).
   */
  readonly work: (
    inputs: readonly HostTensor[],
    context: HostTaskContext,
  ) => readonly HostNumbers[] | void | Promise<readonly HostNumbers[] | void>;
  /** Tensors that it reads. @defaultValue none */
  readonly inputs?: readonly Tensor[] | undefined;
  /** Tensors that it makes. @defaultValue none */
  readonly outputs?: readonly HostOutput[] | undefined;
  /** For messages. @defaultValue "hostTask" */
  readonly name?: string | undefined;
  /** Stops the task, and what waits for it, with AbortedError. */
  readonly signal?: AbortSignalLike | undefined;
  /** Milliseconds, from the start on, after which it has failed; Infinity for never. @defaultValue 600,000 */
  readonly timeoutMs?: number | undefined;
}

/** Work of the host that has begun. */
export interface HostTask {
  /**
   * Takes its place in the queue: what is queued from here on runs when the task has delivered. Once at most.
   *
   * @returns the outputs, which belong to the innermost scope
   * @throws ConfigError the second time; OutOfMemoryError where the outputs do not fit
   */
  wait(): Tensor[];
  /** Resolves when the task has delivered; rejects with what it failed with. Nobody need listen. */
  readonly finished: Promise<void>;
}

/** What a timer counts. */
const MOST_MS = 2 ** 31 - 1;

const OUTPUT: field.FieldsOf<HostOutput> = {
  shape: field.shape(),
  dtype: field.optional(field.oneOf(["f32", "f16", "i32", "u32"])),
  label: field.optional(field.string()),
};
const OPTIONS: field.FieldsOf<HostTaskOptions> = {
  work: field.func("of what the task reads"),
  inputs: field.optional(field.list(field.tensor())),
  outputs: field.optional(field.list(field.options<HostOutput>(OUTPUT))),
  name: field.optional(field.string()),
  signal: field.optional(field.abortSignal()),
  timeoutMs: field.optional(
    field.custom("a number above 0 and up to 2147483647, or Infinity", (value) => {
      return typeof value === "number" && value > 0 && (value <= MOST_MS || value === Number.POSITIVE_INFINITY);
    }),
  ),
};
const CALL = { device: field.device(), options: field.object(OPTIONS) };

/** Long enough for whatever moves over a network, short enough to end a night's run that hangs. */
const TIMEOUT_MS = 600_000;

/**
 * Starts work of the host in its place in a device's queue: communication, streaming, anything asynchronous between
 * kernels. What it reads is copied out behind what was queued so far, and later kernels run on beside it; from
 * {@link HostTask.wait} on the queue waits for what it delivers. So an operation made of one is as synchronous to call
 * as a kernel, and a `DifferentiableOp` may use it in its forward and backward pass.
 *
 * A task that throws, is stopped or is late fails: whatever waits behind it rejects with that error, what was to be
 * written fails whoever reads it later, and all else goes on. Commands that wait are kept on the host, and memory that
 * they use with them. Inside of a task, reading what is queued behind its own `wait()` rejects (browsers: where it is
 * read before the first `await`; else the task is late).
 *
 * @returns at once; see {@link HostTask}
 * @throws ConfigError, DeviceError and DisposedError for wrong arguments, before anything is queued
 * @example
 * ```ts
 * import { fill, hostTask, openDevice } from "@dilated/core";
 * const device = await openDevice();
 * const x = device.tensor([1, 2, 3]);
 * const task = hostTask(device, {
 *   inputs: [x],
 *   outputs: [{ shape: [3] }],
 *   work: async ([given]) => [Array.from(given?.data ?? [], (value) => 2 * value)],
 * });
 * fill(x, 0); // runs meanwhile, and changes nothing of what the task reads
 * const [doubled] = task.wait();
 * console.log(await doubled?.data()); // 2, 4, 6
 * device.dispose();
 * ```
 */
export function hostTask(device: Device, options: HostTaskOptions): HostTask {
  checkCall("hostTask", CALL, arguments);
  const { inputs = [], outputs = [], name = "hostTask", timeoutMs = TIMEOUT_MS, work, signal } = options;
  for (const { shape } of outputs) checkShape("hostTask", shape);
  const make = (): Tensor[] =>
    outputs.map(({ shape, dtype = "f32", label = name }) => device.empty(shape, { dtype, label }));
  if (device.isDry) return { wait: make, finished: Promise.resolve() };

  const backend = device.interpose((inner) => (inner instanceof OrderedBackend ? inner : new OrderedBackend(inner)));
  const task = new RunningTask(name);
  const read = inputs.map(async ({ storage, size, byteLength, dtype, shape }): Promise<HostTensor> => {
    const bytes = size === 0 ? new Uint8Array(0) : await backend.read(storage.buffer, storage.offset, byteLength);
    return { data: viewOf(dtype, bytes, size), shape, dtype };
  });
  const run = async (context: HostTaskContext): Promise<Uint8Array[]> => {
    const given = await Promise.all(read);
    if (task.error) throw task.error; // given up before it could begin
    return delivered(name, outputs, await work(given, context));
  };
  backend.add(task);
  task.start(run, { signal, timeoutMs });
  const finished = task.settled.then(() => {
    if (task.error) throw task.error;
  });
  finished.catch(() => {}); // whoever reads is told
  let waited = false;
  const wait = (): Tensor[] => {
    if (waited)
      throw new ConfigError(`${name}: wait() was called before`, { fix: "keep the tensors that it returned" });
    const tensors = device.attempt(make);
    waited = true;
    backend.wait(
      task,
      tensors.map(({ storage }) => storage.buffer),
    );
    return tensors;
  };
  return { wait, finished };
}

/** Raw words for f16; bytes that were read are the reader's own. */
function viewOf(dtype: DType, { buffer, byteOffset }: Uint8Array, size: number): HostTensor["data"] {
  const View = { f32: Float32Array, f16: Uint16Array, i32: Int32Array, u32: Uint32Array }[dtype];
  return new View(buffer as ArrayBuffer, byteOffset, size);
}

/** The bytes of what a task returned, checked against what it was to return. */
function delivered(name: string, outputs: readonly HostOutput[], values: unknown): Uint8Array[] {
  const lists = values ?? [];
  if (!Array.isArray(lists) || lists.length !== outputs.length) {
    throw new ShapeError(
      `${name}: the task returned ${Array.isArray(values) ? `${values.length} lists` : quote(values)}`,
      {
        details: [`outputs: ${outputs.map(({ shape }) => formatShape(shape)).join(", ") || "none"}`],
        fix: "return an array with a list of numbers for each output",
      },
    );
  }
  return outputs.map(({ shape, dtype = "f32" }, i) => {
    const list: unknown = lists[i];
    checkList(name, list);
    if (list.length !== sizeOf(shape)) {
      throw new ShapeError(`${name}: output ${i} has ${list.length} values, which do not fill ${formatShape(shape)}`, {
        fix: `return ${sizeOf(shape)} values`,
      });
    }
    return encode(name, dtype, list);
  });
}
