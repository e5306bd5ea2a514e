import { loadGPU } from "#platform";
import type { DeviceInfo, MatrixShape } from "../device/backend.ts";
import type { OpenDeviceOptions } from "../device/options.ts";
import { DeviceError } from "../errors/index.ts";
import type { AdapterClass } from "./cost.ts";

type Tier = "matrix" | "vector" | "baseline";

// Names that the published types do not know yet.
const MATRIX = "chromium-experimental-subgroup-matrix" as GPUFeatureName;
const SIZE_CONTROL = "subgroup-size-control" as GPUFeatureName;

const HIGHEST: Tier = "matrix";

/**
 * What each tier turns on, where the adapter has it. Baseline asks for nothing, so that its kernels are tested on
 * nothing; f16 and subgroups are there for kernels of users.
 */
const FEATURES: Record<Tier, readonly GPUFeatureName[]> = {
  baseline: ["timestamp-query"],
  vector: ["timestamp-query", "shader-f16", "subgroups"],
  matrix: ["timestamp-query", "shader-f16", "subgroups", SIZE_CONTROL, MATRIX],
};

/** Defaults are low (128 MiB bindings), so what the adapter has is asked for by name. */
const BUFFER_LIMITS = ["maxBufferSize", "maxStorageBufferBindingSize", "maxStorageBuffersPerShaderStage"] as const;
const WORKGROUP_LIMITS = [
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
] as const;

export interface OpenedGPU {
  readonly device: GPUDevice;
  readonly info: DeviceInfo;
  readonly adapterClass: AdapterClass;
  /** A borrowed device is used and never destroyed. */
  readonly borrowed: boolean;
}

/** Asks for an adapter and a device of it, or takes the one that was lent. */
export async function openGPU(options: OpenDeviceOptions, reason: string): Promise<OpenedGPU> {
  const lent = options.gpuDevice as GPUDevice | undefined;
  if (lent) return describe(lent, lent.adapterInfo, options, reason, true);
  const gpu = (await loadGPU({ robustness: options.robustness })) as GPU;
  const adapter = await gpu.requestAdapter({ powerPreference: options.powerPreference ?? "high-performance" });
  if (!adapter)
    throw new DeviceError("openDevice: WebGPU found no adapter", {
      fix: 'check the graphics driver (Vulkan, Metal or D3D12), or open { backend: "wasm" }',
    });
  if (isSoftware(adapter.info) && !options.allowSoftware) {
    throw new DeviceError(
      `openDevice: the only WebGPU adapter is software (${nameOf(adapter.info)}), slower than WebAssembly`,
      {
        fix: 'open { backend: "wasm" }, or pass allowSoftware: true for testing',
      },
    );
  }
  const tier = options.tier ?? HIGHEST;
  const limits = tier === "baseline" ? BUFFER_LIMITS : [...BUFFER_LIMITS, ...WORKGROUP_LIMITS];
  const device = await adapter.requestDevice({
    label: "dilated",
    requiredFeatures: FEATURES[tier].filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(limits.map((name) => [name, adapter.limits[name]])),
  });
  return describe(device, adapter.info, options, reason, false);
}

function describe(
  device: GPUDevice,
  adapter: GPUAdapterInfo,
  options: OpenDeviceOptions,
  reason: string,
  borrowed: boolean,
): OpenedGPU {
  const software = isSoftware(adapter);
  const info: DeviceInfo = {
    backend: "webgpu",
    tier: tierOf(device, options.tier ?? HIGHEST),
    matrix: matrixShapes(adapter),
    adapter: nameOf(adapter),
    threads: 1,
    software,
    robustness: options.robustness ?? true,
    reason: borrowed ? "a GPUDevice was passed in" : reason,
    features: [...device.features].sort(),
  };
  return {
    device,
    info,
    borrowed,
    adapterClass: software
      ? "software"
      : /nvidia|discrete/i.test(`${adapter.vendor} ${adapter.description}`)
        ? "discrete"
        : "unknown",
  };
}

/** Workgroups of plain WebGPU. */
const SMALLEST = { maxComputeWorkgroupStorageSize: 16_384, maxComputeInvocationsPerWorkgroup: 256 } as const;

/** The highest tier that features and limits of a device carry and that was asked for. */
export function tierOf({ features, limits }: Pick<GPUDevice, "features" | "limits">, highest: Tier): Tier {
  if (highest === "matrix" && features.has(MATRIX) && features.has("shader-f16")) return "matrix";
  const larger = Object.entries(SMALLEST).some(([name, least]) => limits[name as keyof typeof SMALLEST] > least);
  return highest !== "baseline" && larger ? "vector" : "baseline";
}

/** The matrix shapes of an adapter; none where the browser does not say. */
function matrixShapes(adapter: GPUAdapterInfo): MatrixShape[] {
  const { subgroupMatrixConfigs = [], subgroupMinSize, subgroupMaxSize } = adapter as MatrixAdapterInfo;
  const lanes = subgroupMinSize === subgroupMaxSize ? { lanes: subgroupMaxSize } : {};
  return [...subgroupMatrixConfigs].map(({ componentType, resultComponentType, M, N, K }) => ({
    operand: componentType,
    result: resultComponentType,
    M,
    N,
    K,
    ...lanes,
  }));
}

/** Not in the published types yet. */
interface MatrixAdapterInfo extends GPUAdapterInfo {
  readonly subgroupMatrixConfigs?: Iterable<{
    readonly componentType: string;
    readonly resultComponentType: string;
    readonly M: number;
    readonly N: number;
    readonly K: number;
  }>;
}

/** SwiftShader, lavapipe and Windows' basic renderer call themselves fallback adapters in some browsers and go by name in others. */
export function isSoftware(info: Partial<GPUAdapterInfo> | undefined): boolean {
  if (!info) return false;
  const names = [info.vendor, info.architecture, info.device, info.description].join(" ");
  return info.isFallbackAdapter === true || /swiftshader|llvmpipe|lavapipe|softpipe|basic render/i.test(names);
}

function nameOf(info: Partial<GPUAdapterInfo> | undefined): string {
  return (
    info?.description ||
    [info?.vendor, info?.architecture, info?.device].filter(Boolean).join(" ") ||
    "unnamed WebGPU adapter"
  );
}
