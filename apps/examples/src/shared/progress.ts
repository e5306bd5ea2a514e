/** Where progress goes: a terminal, whose last line is rewritten, or a file, which gets a line now and then. */
export interface ProgressSink {
  readonly isTTY?: boolean;
  write(text: string): unknown;
}

/** One line about work that takes a while: what, how far, how long still. */
export class Progress {
  readonly #out: ProgressSink;
  readonly #what: string;
  readonly #started = performance.now();
  #lastLine = Number.NEGATIVE_INFINITY;

  constructor(what: string, out: ProgressSink = process.stdout) {
    this.#what = what;
    this.#out = out;
  }

  /**
   * @param done - units of work done of `total`
   * @param note - anything else worth knowing: a loss, a rate
   */
  report(done: number, total: number, note = ""): void {
    const now = performance.now();
    const last = done >= total;
    if (!last && now - this.#lastLine < (this.#out.isTTY ? 100 : 10_000)) return;
    this.#lastLine = now;
    const seconds = (now - this.#started) / 1000;
    const time = last ? `took ${formatSeconds(seconds)}` : `${formatSeconds((seconds * (total - done)) / done)} left`;
    const counts = `${done.toLocaleString("en")}/${total.toLocaleString("en")}`;
    const line = ["", this.#what, counts, note, time].filter((part, i) => i === 0 || part !== "").join("  ");
    this.#out.write(this.#out.isTTY ? `\r\x1b[K${line}${last ? "\n" : ""}` : `${line}\n`);
  }
}

export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
