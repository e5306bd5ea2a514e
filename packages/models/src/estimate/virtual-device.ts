import { Device, type DeviceInfo, type DeviceLimits, FeatureError } from "@dilated/core";

type Backend = ConstructorParameters<typeof Device>[0];

/** What a {@link virtualDevice} imitates. */
export interface VirtualDeviceOptions {
  readonly info: DeviceInfo;
  readonly limits: DeviceLimits;
  /** Is told of every launch. */
  readonly onRun?: ((launch: { readonly kernel: string; readonly flops: number }) => void) | undefined;
}

/** WebGPU as discrete GPUs offer it. */
export const TYPICAL_GPU: VirtualDeviceOptions = {
  info: {
    backend: "webgpu",
    tier: "vector",
    adapter: "virtual",
    threads: 1,
    software: false,
    reason: "for an estimate",
    features: [],
  },
  limits: {
    maxBindingBytes: 2 ** 31 - 256,
    maxTensorBytes: 2 ** 40,
    offsetAlign: 256,
    maxWorkgroupMemory: 32_768,
    maxWorkgroupSize: 256,
    maxKernelTensors: 10,
  },
};

/**
 * A device that allocates and computes nothing, and keeps the books as a real one does: running a model on it tells what the model would take.
 * Nothing can be read from it.
 */
export function virtualDevice({ info, limits, onRun }: VirtualDeviceOptions): Device {
  const backend: Backend = {
    info,
    limits,
    lost: new Promise(() => {}),
    allocate: (bytes) => ({ bytes }),
    release: () => {},
    upload: () => {},
    read: () => Promise.reject(new FeatureError("data: this device is virtual, it holds no values")),
    copy: () => {},
    run: ({ kernel, flops }) => onRun?.({ kernel: kernel.name, flops: flops ?? 0 }),
    warmup: () => Promise.resolve(),
    sync: () => Promise.resolve(),
    pooledBytes: () => 0,
    trim: () => {},
    dispose: () => {},
  };
  return new Device(backend);
}
