export * from "./core.ts";
export * from "./kernels.ts";
export * from "./models.ts";
