/** Where results of tuning are kept: texts by name. Make one with {@link tuningStore}, or bring your own. */
export interface TuningStore {
  /** For people: a folder, a database. */
  readonly where: string;
  /** The text that was written under `id`, or undefined. */
  read(id: string): Promise<string | undefined>;
  /** Replaces the text under `id`, all of it or nothing. */
  write(id: string, text: string): Promise<void>;
}
