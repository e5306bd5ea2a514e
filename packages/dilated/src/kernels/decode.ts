export * from "@dilated/kernels/decode";
