export { DilatedError, type ErrorCode, type ErrorParts } from "./base.ts";
export * from "./kinds.ts";
