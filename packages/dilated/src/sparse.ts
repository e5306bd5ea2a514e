export * from "@dilated/sparse";
