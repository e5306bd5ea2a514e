export * from "@dilated/kernels";
