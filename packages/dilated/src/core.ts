export * from "@dilated/core";
