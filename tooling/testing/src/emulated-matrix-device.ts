import { create } from "webgpu";
import { type EmulatedShape, emulateMatrix } from "./emulate-matrix.ts";

/** A device for `openDevice({ gpuDevice })` that says it has matrix units. */
export interface EmulatedMatrixDevice {
  readonly gpuDevice: GPUDevice;
  /** Labels of the modules that were rewritten: the kernels' names. */
  readonly rewritten: readonly string[];
}

const LIMITS = [
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
] as const;
const NEEDED: GPUFeatureName[] = ["shader-f16", "subgroups"];
const MATRIX = "chromium-experimental-subgroup-matrix";

/** Must outlive the process's last use of it. */
let gpu: GPU | undefined;

/**
 * Dawn's device with matrix units made of subgroup operations: for what kernels compute, not for how fast. Undefined where the adapter lacks f16, or
 * subgroups of 8 lanes or a multiple.
 */
export async function openEmulatedMatrix(shape: EmulatedShape): Promise<EmulatedMatrixDevice | undefined> {
  gpu ??= create(["enable-dawn-features=allow_unsafe_apis"]);
  const adapter = await gpu.requestAdapter();
  if (!adapter || !isAble(adapter)) return undefined;
  const device = await adapter.requestDevice({
    requiredFeatures: NEEDED,
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  const { operand: componentType, M, N, K } = shape;
  const { vendor, architecture, device: model, description, subgroupMinSize, subgroupMaxSize } = adapter.info;
  const configs = [{ componentType, resultComponentType: "f32", M, N, K }];
  const rewritten: string[] = [];
  const plain = device.createShaderModule.bind(device);
  // Own properties, which hide those of Dawn's prototype.
  Object.defineProperties(device, {
    features: { value: new Set([...device.features, MATRIX]) },
    adapterInfo: {
      value: {
        vendor,
        architecture,
        device: model,
        description,
        subgroupMinSize,
        subgroupMaxSize,
        subgroupMatrixConfigs: configs,
      },
    },
    createShaderModule: {
      value: ({ label = "", code, ...rest }: GPUShaderModuleDescriptor) => {
        if (!code.includes("subgroup_matrix")) return plain({ label, code, ...rest });
        rewritten.push(label);
        return plain({ label, code: emulateMatrix(code), ...rest });
      },
    },
  });
  return { gpuDevice: device, rewritten };
}

function isAble({ features, info }: GPUAdapter): boolean {
  const { subgroupMinSize: lanes = 0, subgroupMaxSize } = info;
  return NEEDED.every((feature) => features.has(feature)) && lanes === subgroupMaxSize && lanes > 0 && lanes % 8 === 0;
}
