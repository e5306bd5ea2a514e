import type { TrainStep } from "@dilated/models";

/** Reports steps: one line that rewrites itself on a terminal, a line now and then elsewhere. */
export class Progress {
  readonly #out: NodeJS.WriteStream;
  #lastLine = 0;

  constructor(out: NodeJS.WriteStream) {
    this.#out = out;
  }

  step(report: TrainStep): void {
    const now = performance.now();
    const last = report.step === report.steps;
    if (!last && now - this.#lastLine < (this.#out.isTTY ? 100 : 10_000)) return;
    this.#lastLine = now;
    const line = describe(report);
    if (this.#out.isTTY) this.#out.write(`\r\x1b[K${line}${last ? "\n" : ""}`);
    else this.#out.write(`${line}\n`);
  }
}

function describe(report: TrainStep): string {
  const bits = (report.loss / Math.LN2).toFixed(3);
  const memory = (report.peakBytes / 2 ** 20).toFixed(0);
  return `  step ${report.step}/${report.steps}  ${bits} bits/byte  ${Math.round(report.tokensPerSecond).toLocaleString("en")} tokens/s  ${memory} MiB  ${formatSeconds(report.eta)} left`;
}

export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}
