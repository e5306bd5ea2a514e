import { DeviceError, DisposedError, DtypeError, FeatureError, LimitError } from "../errors/index.ts";
import { quote } from "../errors/quote.ts";
import type { KernelCall, KernelDefinition, TensorArgument, TensorSlot } from "../kernel/definition.ts";
import type { Storage } from "../memory/storage.ts";
import { BYTES } from "../tensor/dtype.ts";
import { Tensor } from "../tensor/tensor.ts";
import type { BoundCall, BoundTensor } from "./backend.ts";
import type { Device } from "./device.ts";

/** Checks a call's tensors against the kernel's slots and resolves them to windows of buffers. */
export function bindCall(device: Device, kernel: KernelDefinition, call: KernelCall): BoundCall {
  if (!kernel[device.info.backend === "webgpu" ? "wgsl" : "wasm"]) {
    throw new FeatureError(`${kernel.name}: this kernel has no ${device.info.backend} body`, {
      fix: "give it one, or open another backend",
    });
  }
  const bound = Object.entries(kernel.tensors).map(([name, slot]) =>
    bindTensor(device, kernel.name, name, slot, call.tensors[name]),
  );
  const missing = Object.keys(kernel.scalars).filter((name) => typeof call.scalars[name] !== "number");
  if (missing.length > 0) throw new DtypeError(`${kernel.name}: scalars are missing: ${missing.join(", ")}`);
  const { tensors: _, ...rest } = call;
  return { ...rest, kernel, bound };
}

function bindTensor(
  device: Device,
  kernel: string,
  name: string,
  slot: TensorSlot,
  argument: TensorArgument | undefined,
): BoundTensor | undefined {
  if (argument === undefined) {
    if (slot.optional) return undefined;
    throw new DtypeError(`${kernel}: tensor "${name}" is missing`);
  }
  const whole = argument instanceof Tensor;
  const tensor = whole ? argument : argument.tensor;
  checkOnDevice(device, kernel, name, tensor);
  const { storage } = tensor;
  const { buffer } = storage;
  if (slot.access !== "read" && slot.view === "scalar" && tensor.dtype === "f16") {
    throw new DtypeError(`${kernel}: "${name}" is written one element at a time, which f16 does not allow`, {
      fix: "use the vec4 view",
    });
  }
  if (slot.dtype && slot.dtype !== tensor.dtype) {
    throw new DtypeError(`${kernel}: tensor "${name}" is ${tensor.dtype}`, {
      details: [String(tensor)],
      fix: `cast it to ${slot.dtype}`,
    });
  }
  const width = BYTES[tensor.dtype];
  const inside = whole ? 0 : argument.offset * width;
  const offset = storage.offset + inside;
  const exact = (whole ? tensor.size : argument.length) * width;
  const bytes = Math.min(Math.max(16, Math.ceil(exact / 16) * 16), storage.bytes - inside);
  if (!(inside >= 0 && exact >= 0 && inside + exact <= storage.bytes && Number.isInteger((inside + exact) / width))) {
    throw new LimitError(`${kernel}: the window of "${name}" is outside its tensor`, {
      details: [`offset ${inside} bytes, ${exact} bytes long, buffer ${storage.bytes} bytes`],
    });
  }
  // WebAssembly binds nothing: a kernel gets an address. What can be cut is, there as elsewhere; what cannot is whole.
  if (bytes > device.limits.maxBindingBytes && device.info.backend !== "wasm") {
    throw new LimitError(`${kernel}: "${name}" is longer than one binding of this device`, {
      details: [`${bytes} bytes; largest binding ${device.limits.maxBindingBytes} bytes`],
      fix: "run the kernel over windows of the tensor, or use f16",
    });
  }
  return { buffer, dtype: tensor.dtype, offset, bytes, written: slot.access === "read" ? undefined : storage };
}

/**
 * What a launch reads of a buffer of which it writes another slice. WebGPU has buffers read or written by a launch, and
 * not both; two tensors of a user's are two, wherever they lie.
 */
export function readBesideWrites(kernel: KernelDefinition, call: KernelCall): readonly Storage[] {
  const joined: [storage: Storage, writes: boolean][] = [];
  for (const name in call.tensors) {
    const argument = call.tensors[name];
    const tensor = argument instanceof Tensor ? argument : argument?.tensor;
    if (!(tensor instanceof Tensor) || tensor.disposed || !tensor.storage.within) continue;
    joined.push([tensor.storage, kernel.tensors[name]?.access !== "read"]);
  }
  if (joined.length < 2) return [];
  const written = joined.filter(([, writes]) => writes);
  return joined.flatMap(([storage, writes]) =>
    !writes && storage.joined && written.some(([other]) => other !== storage && other.within === storage.within)
      ? [storage]
      : [],
  );
}

/** Throws unless `tensor` is one of `device`. */
export function checkOnDevice(device: Device, caller: string, name: string, tensor: unknown): asserts tensor is Tensor {
  if (!(tensor instanceof Tensor)) {
    throw new DtypeError(`${caller}: "${name}" is not a tensor`, {
      details: [`given: ${quote(tensor)}`],
      fix: "make one with device.tensor(values, shape)",
    });
  }
  if (tensor.disposed)
    throw new DisposedError(`${caller}: tensor "${name}" was used after it was disposed`, {
      details: [String(tensor)],
      fix: "keep it alive: return it from the scope, or dispose it later",
    });
  if (tensor.device === device) return;
  throw new DeviceError(`${caller}: tensor "${name}" lives on another device`, {
    details: [String(tensor)],
    fix: "make all tensors of one call on one device",
  });
}
