import type { Device, DeviceInfo, KernelCall, KernelDefinition, Tensor } from "@dilated/core";
import { pretendDevice } from "../../shared/test-utils/pretend-device.ts";
import { tuned } from "../choice.ts";
import type { TuneWorkload } from "../workload.ts";

/** A candidate, and what happens with it. */
export interface FakeVariant {
  readonly name: string;
  readonly ms: number;
  /** Its result is off by this much. */
  readonly off?: number;
  readonly broken?: boolean;
  readonly compileMs?: number;
  /** Running it does this first. */
  readonly before?: (device: Device) => void;
}

type Constants = NonNullable<KernelCall["constants"]>;

/** A device whose kernels take the time that their variant says, by its own clock, the first `slowLaunches` of them three times as long, and do nothing. */
export function fakeDevice(
  info: Partial<DeviceInfo> = {},
  {
    slowLaunches = 0,
    worked = () => {},
  }: { readonly slowLaunches?: number; readonly worked?: (ms: number) => void } = {},
): Device {
  let ms = 0;
  let launches = 0;
  let dry: Constants[] | undefined;
  const device = {
    info: { backend: "webgpu", tier: "vector", adapter: "fake GPU", software: false, robustness: true, ...info },
    disposed: false,
    scope: (work: () => unknown) => work(),
    trim: () => {},
    async profile(work: () => void) {
      ms = 0;
      work();
      worked(ms);
      return { value: undefined, profile: { deviceMs: ms, wallMs: ms, quantumMs: 0 } };
    },
    run(_kernel: KernelDefinition, { constants = {} }: KernelCall) {
      if (dry) dry.push(constants);
      else ms += (constants.ms as number) * (launches++ < slowLaunches ? 3 : 1);
    },
    dryRun(work: () => unknown): Constants[] {
      const heard: Constants[] = [];
      dry = heard;
      try {
        work();
      } finally {
        dry = undefined;
      }
      return heard;
    },
    async warmup(work: () => unknown) {
      for (const constants of device.dryRun(work)) {
        if (constants.broken) throw new Error("no such instruction\nat line 1");
        await new Promise((resolve) => setTimeout(resolve, constants.compileMs as number));
      }
    },
  };
  return pretendDevice(device);
}

/** A workload that asks for one of `variants` under `key`. */
export function fakeWorkload(key: string, variants: readonly FakeVariant[]): TuneWorkload {
  return {
    name: `work on ${key}`,
    prepare: (device) => ({
      operands: [],
      run() {
        const { ms, broken = false, compileMs = 0, off = 0, before } = tuned(device, key, variants);
        before?.(device);
        device.run({ name: key } as KernelDefinition, {
          tensors: {},
          scalars: {},
          constants: { ms, broken, compileMs },
          groups: 1,
          items: 0,
        });
        const values = Float32Array.of(1, 2, 3 + off, 4);
        const y = { dtype: "f32", shape: [2, 2], data: async () => values, dispose() {} };
        return { y: y as unknown as Tensor };
      },
    }),
  };
}

/** A store in memory. */
export function memoryStore(): { where: string; texts: Map<string, string> } & {
  read(id: string): Promise<string | undefined>;
  write(id: string, text: string): Promise<void>;
} {
  const texts = new Map<string, string>();
  return {
    where: "memory",
    texts,
    read: async (id) => texts.get(id),
    write: async (id, text) => void texts.set(id, text),
  };
}
