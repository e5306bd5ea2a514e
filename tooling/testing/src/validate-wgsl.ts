import { type KernelDefinition, type KernelVariant, requiredFeatures, wgslOf } from "@dilated/core";
import { create } from "webgpu";

/** Dawn without a GPU: it checks everything and executes nothing. The instance must outlive the process's last use of it, so it is kept. */
let opened: { readonly gpu: GPU; readonly device: Promise<GPUDevice> } | undefined;

const FEATURES = [
  "shader-f16",
  "subgroups",
  "subgroup-size-control",
  "chromium-experimental-subgroup-matrix",
] as GPUFeatureName[];

async function open(gpu: GPU): Promise<GPUDevice> {
  const adapter = await gpu.requestAdapter();
  if (!adapter) throw new Error("Dawn's null backend has no adapter");
  return adapter.requestDevice({ requiredFeatures: FEATURES.filter((feature) => adapter.features.has(feature)) });
}

/**
 * Type-checks one variant of a kernel, prelude and body, and builds its pipeline within plain WebGPU's limits (16 KiB of workgroup memory, 256
 * invocations) unless the kernel names features. Gives the compiler's messages with the line they mean; none when all is well.
 */
export async function validateWgsl(kernel: KernelDefinition, variant: KernelVariant): Promise<string[]> {
  if (!opened) {
    const gpu = create(["backend=null", "enable-dawn-features=allow_unsafe_apis"]);
    opened = { gpu, device: open(gpu) };
  }
  const device = await opened.device;
  const code = wgslOf(kernel, variant);
  const lines = code.split("\n");
  device.pushErrorScope("validation");
  const module = device.createShaderModule({ code });
  const [invalid, { messages }] = await Promise.all([device.popErrorScope(), module.getCompilationInfo()]);
  const found = messages
    .filter(({ type }) => type !== "info")
    .map(
      ({ lineNum, linePos, message }) =>
        `${kernel.name} ${lineNum}:${linePos} ${message}\n  | ${(lines[lineNum - 1] ?? "").trim()}`,
    );
  if (invalid || found.length > 0) return found.length > 0 ? found : [`${kernel.name}: ${invalid?.message}`];
  // Kernels of the higher tiers may use more than the null adapter offers.
  if (requiredFeatures(kernel, variant).some((feature) => feature !== "shader-f16"))
    return /\bfn\s+main\b/.test(code) ? [] : [`${kernel.name}: no entry point main`];
  try {
    await device.createComputePipelineAsync({ layout: "auto", compute: { module, entryPoint: "main" } });
    return [];
  } catch (error) {
    return [`${kernel.name}: ${error instanceof Error ? error.message : String(error)}`];
  }
}
