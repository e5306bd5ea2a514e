import type { UserConfig } from "vite";

const config: UserConfig = {
  // One file that finds its WebAssembly beside itself.
  optimizeDeps: { exclude: ["onnxruntime-web"] },
  oxc: { target: "es2022" }, // `using` is not in every browser with WebGPU
  build: { target: "es2022" },
};

export default config;
