export * from "@dilated/models/node";
