import { field, type Schema } from "@dilated/core";

/** What makes a store, and what its functions take. */
export const STORE_CALLS: Readonly<Record<"open" | "read" | "write", Schema>> = {
  open: { where: field.optional(field.custom("a name", (value) => typeof value === "string" && value !== "")) },
  read: { id: field.string() },
  write: { id: field.string(), text: field.string() },
};

/** Where results of tuning are kept: texts by name. Make one with {@link tuningStore}, or bring your own. */
export interface TuningStore {
  /** For people: a folder, a database. */
  readonly where: string;
  /** The text that was written under `id`, or undefined. */
  read(id: string): Promise<string | undefined>;
  /** Replaces the text under `id`, all of it or nothing. */
  write(id: string, text: string): Promise<void>;
}
