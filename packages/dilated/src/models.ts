export * from "@dilated/models";
