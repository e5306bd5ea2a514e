// What size-limit bundles and weighs: everything that a user of the kernels can load.
export * from "../../packages/core/dist/index.js";
export * from "../../packages/kernels/dist/index.js";
