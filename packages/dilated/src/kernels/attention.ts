export * from "@dilated/kernels/attention";
