export * from "./core.ts";
export * from "./kernels.ts";
export * from "./models.ts";
export * from "./sparse.ts";
