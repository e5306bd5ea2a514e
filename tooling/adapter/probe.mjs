// Asks Dawn for an adapter and prints what it is as JSON, or `null`. A process of its own, because the Vulkan driver is chosen by the
// environment that a process starts with.
import { create } from "webgpu";

const gpu = create([]);
const adapter = await gpu.requestAdapter();
const info = adapter && {
  vendor: adapter.info.vendor,
  architecture: adapter.info.architecture,
  description: adapter.info.description,
  f16: adapter.features.has("shader-f16"),
};
console.log(JSON.stringify(info ?? null));
