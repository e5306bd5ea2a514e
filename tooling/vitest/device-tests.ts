/** DILATED_RANDOM: runs of each random property in each environment; 0: its share (`share` of the tests' helpers). */
export const RANDOM: number = Number(process.env.DILATED_RANDOM ?? 0);

/**
 * DILATED_BINDINGS: bytes of a binding of every device whose test does not say; 0: what the backend gives. In Node.
 */
export const BINDINGS: number = Number(process.env.DILATED_BINDINGS ?? 0);

/**
 * Tests of whole programs: an example that learns, a process that is killed or ends by itself, a compiler that is
 * started. They make a project of their own.
 */
export const PROGRAMS = [
  "apps/bench/src/bench/peers/pytorch.test.ts",
  "apps/examples/src/{book-lm,genome,needle,slide}/run.test.ts",
  "apps/examples/src/{genome,needle}/main.test.ts",
  "apps/examples/src/book-lm/resume.test.ts",
  "packages/core/src/wasm/exit.test.ts",
  "packages/models/src/node/{kill,processes}.test.ts",
  "tooling/build-wasm.test.ts",
];

/** Tests that replace modules, or count on a process that has done nothing before: each has one of its own. */
export const ALONE = [
  "packages/core/src/foreign/dispose.test.ts",
  "packages/core/src/wasm/memory.test.ts",
  "packages/core/src/wasm/reuse.test.ts",
  "packages/models/src/layers/words.test.ts",
  "packages/models/src/node/resume.test.ts",
  "packages/models/src/text/tokenizer.test.ts",
];

/** Every test that needs a device. */
export const DEVICE_TESTS = ["packages/*/src/**/*.device.test.ts"];

/** Tests of what this thread does with options, names, files and messages: the backend adds nothing, so they run on WebAssembly in Node alone. */
const OF_THE_HOST = [
  "packages/models/src/misuse.device.test.ts",
  "packages/models/src/checkpoint/{config-fuzz,restore-fuzz,model,turns}.device.test.ts",
  "packages/models/src/torchscale/import.device.test.ts",
  "packages/models/src/train/{batch,tied,trainable,weights}.device.test.ts",
];

/** The WebAssembly backend's own tests. */
const OF_WASM = ["packages/{core/src,kernels/src/attention}/wasm/*.device.test.ts"];

/** What the `webgpu` project leaves out: also the WebAssembly backend's own tests. */
export const NOT_ON_WEBGPU = [...OF_THE_HOST, ...OF_WASM];

/**
 * Properties of attention are those of kernels that pages compare with the oracle, case by case. How work is cut into
 * what a device binds is the host's doing, and the kernels are those of other tests; those of
 * block lists no package has yet.
 */
const NOT_IN_PAGES = [
  "packages/kernels/src/attention/op/properties.device.test.ts",
  "packages/kernels/src/{shared,attention/op}/{small-bindings,windows}.device.test.ts",
  "packages/kernels/src/attention/schedule/blocks.device.test.ts",
];

/** What both backends run again in a browser: what differs there are devices, memory, threads and the compiler of WGSL; models are made of these. */
export const IN_BROWSER = [
  "packages/{core,kernels}/src/**/*.device.test.ts",
  "packages/models/src/checkpoint/directory-store.device.test.ts",
  "packages/models/src/longnet-lm/model.device.test.ts",
  "packages/models/src/sample/generate.device.test.ts",
  "packages/models/src/train/{abort,train}.device.test.ts",
];

/** What each backend leaves out of that. */
export const NOT_IN_BROWSER = {
  webgpu: [...OF_WASM, ...NOT_IN_PAGES, "**/emulated.device.test.ts"],
  wasm: ["packages/core/src/webgpu/*.device.test.ts", ...NOT_IN_PAGES, "**/emulated.device.test.ts"],
} as const;

/**
 * What browsers run that come from a distribution, on WebAssembly: whatever engines could do in ways of their own,
 * once.
 */
export const IN_OTHER_BROWSERS = [
  "packages/core/src/autograd/autograd.device.test.ts",
  "packages/core/src/device/device.device.test.ts",
  "packages/core/src/wasm/{csp,features}.device.test.ts",
  "packages/kernels/src/attention/op/golden.device.test.ts",
  "packages/models/src/longnet-lm/model.device.test.ts",
  "packages/models/src/sample/generate.device.test.ts",
  "packages/models/src/train/{abort,train}.device.test.ts",
];

/** Frames with a policy of their own never answer inside Vitest's frame in Firefox. */
export const NOT_IN_OTHER_BROWSERS = { webkit: [] as string[], firefox: ["**/csp.device.test.ts"] };
