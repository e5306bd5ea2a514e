export * from "@dilated/kernels/tune";
