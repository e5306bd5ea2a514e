// Tests open a device each, and a WebGPU device of its own would compile every kernel anew: all of one process or page
// borrow the same one, and what was compiled on it stays.

// What the library asks for itself (core/webgpu/adapter.ts).
const FLAGS = [
  "enable-dawn-features=allow_unsafe_apis,vulkan_enable_f16_on_nvidia",
  "disable-dawn-features=timestamp_quantization",
];
const FEATURES = [
  "timestamp-query",
  "shader-f16",
  "subgroups",
  "subgroup-size-control",
  "chromium-experimental-subgroup-matrix",
] as GPUFeatureName[];
const LIMITS = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxStorageBuffersPerShaderStage",
  "maxComputeWorkgroupStorageSize",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupSizeX",
  "maxComputeWorkgroupSizeY",
  "maxComputeWorkgroupSizeZ",
] as const;

let lent: Promise<GPUDevice> | undefined;

/** The GPUDevice of this process or page. */
export async function lentGPU(): Promise<GPUDevice> {
  lent ??= request();
  return await lent;
}

async function request(): Promise<GPUDevice> {
  const gpu = "document" in globalThis ? navigator.gpu : (await import("webgpu")).create(FLAGS);
  const adapter = await gpu.requestAdapter({ powerPreference: "high-performance" });
  if (!adapter) throw new Error("Dawn finds no adapter for the tests");
  const device = await adapter.requestDevice({
    requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)),
    requiredLimits: Object.fromEntries(LIMITS.map((name) => [name, adapter.limits[name]])),
  });
  keepPipelines(device, gpu);
  return device;
}

/** Dawn gives equal descriptors one pipeline, as long as somebody holds it. */
function keepPipelines(device: GPUDevice, ...kept: object[]): void {
  const plain = device.createComputePipeline.bind(device);
  const later = device.createComputePipelineAsync.bind(device);
  // Own properties, which hide those of Dawn's prototype.
  Object.defineProperties(device, {
    createComputePipeline: {
      value: (descriptor: GPUComputePipelineDescriptor) => {
        const pipeline = plain(descriptor);
        kept.push(pipeline);
        return pipeline;
      },
    },
    createComputePipelineAsync: {
      value: async (descriptor: GPUComputePipelineDescriptor) => {
        const pipeline = await later(descriptor);
        kept.push(pipeline);
        return pipeline;
      },
    },
  });
}
