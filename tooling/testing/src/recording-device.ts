import { Device, type DeviceInfo, type DeviceLimits } from "@dilated/core";

type Backend = ConstructorParameters<typeof Device>[0];
export type BoundCall = Parameters<Backend["run"]>[0];

/** A real Device that computes nothing, and what reached its backend. */
export interface RecordingDevice {
  readonly device: Device;
  /** Names of launched kernels, and `copy`, in order. */
  readonly queued: readonly string[];
  /** Launches that were to be compiled, and how many of their buffers were free again by then. */
  readonly warmed: readonly { readonly kernel: string; readonly freed: number }[];
  /** Lets compilation end that `compiles` holds back; the kernel of this name fails. */
  finish(broken?: string): void;
}

export interface RecordingOptions {
  readonly info?: Partial<DeviceInfo>;
  readonly limits?: Partial<DeviceLimits>;
  /** When kernels are compiled. @defaultValue at once */
  readonly compiles?: "at once" | "by finish";
  /** Milliseconds that a launch takes by the device's clock. @defaultValue 0 */
  readonly ms?: (call: BoundCall) => number;
}

/** Everything that is read from it is 0. */
export function recordingDevice(options: RecordingOptions = {}): RecordingDevice {
  const { compiles = "at once", ms = () => 0 } = options;
  const queued: string[] = [];
  const warmed: { kernel: string; freed: number }[] = [];
  const free = new WeakSet<object>();
  const waiting: ((broken: string | undefined) => void)[] = [];
  let clock = 0;
  const compile = ({ kernel, bound }: BoundCall): Promise<void> => {
    warmed.push({ kernel: kernel.name, freed: bound.filter((tensor) => tensor && free.has(tensor.buffer)).length });
    if (compiles === "at once") return Promise.resolve();
    return new Promise((resolve, reject) => {
      waiting.push((broken) => (broken === kernel.name ? reject(new Error(`${broken} is broken`)) : resolve()));
    });
  };
  const backend: Backend = {
    info: { ...INFO, ...options.info },
    limits: { ...LIMITS, ...options.limits },
    lost: new Promise(() => {}),
    allocate: (bytes) => ({ bytes }),
    release: (buffer) => void free.add(buffer),
    upload: () => {},
    read: (_buffer, _offset, bytes) => Promise.resolve(new Uint8Array(bytes)),
    copy: () => void queued.push("copy"),
    run: (call) => {
      queued.push(call.kernel.name);
      clock += ms(call);
    },
    warmup: compile,
    sync: () => Promise.resolve(),
    startTiming: () => {
      const begin = clock;
      const spans = () => [{ name: "", begin, end: clock }];
      return { stop: async () => ({ clock: "timestamp-query", quantumMs: 0, spans: spans() }) };
    },
    pooledBytes: () => 0,
    trim: () => {},
    dispose: () => {},
  };
  const finish = (broken?: string) => {
    for (const end of waiting.splice(0)) end(broken);
  };
  return { device: new Device(backend), queued, warmed, finish };
}

/** WebGPU as discrete GPUs offer it. */
const INFO: DeviceInfo = {
  backend: "webgpu",
  tier: "vector",
  adapter: "recording",
  threads: 1,
  software: false,
  reason: "for a test",
  features: [],
};
const LIMITS: DeviceLimits = {
  maxBindingBytes: 2 ** 31 - 256,
  maxTensorBytes: 2 ** 40,
  offsetAlign: 256,
  maxWorkgroupMemory: 49_152,
  maxWorkgroupSize: 1024,
  maxKernelTensors: 10,
};
