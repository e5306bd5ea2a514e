export { readCheckpoint, writeCheckpoint } from "./file-store.ts";
