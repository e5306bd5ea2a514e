export * from "@dilated/kernels/reference";
