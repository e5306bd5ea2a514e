/** Bases that are embedded as one vector. */
export const WINDOW = 128;

/** What a window is made of, by open reading frames. Mixed ones teach nothing and are not scored. */
export type Kind = "coding+" | "coding-" | "non-coding" | "mixed";

/** One window of one record. */
export interface Window {
  /** First base, from 0. */
  readonly start: number;
  /** Share of its bases in frames of the forward and of the reverse strand. */
  readonly plus: number;
  readonly minus: number;
  readonly kind: Kind;
  /** Whether the stretch that it lies in was kept from training, of the model and of the probes. */
  readonly heldOut: boolean;
}

/** Consecutive whole windows of a sequence with these classes; a last part shorter than a window is left out. */
export function labelWindows(labels: Uint8Array, isHeldOut: (base: number) => boolean): Window[] {
  return Array.from({ length: Math.floor(labels.length / WINDOW) }, (_, i) => {
    const start = i * WINDOW;
    const counts = [0, 0, 0];
    for (let t = start; t < start + WINDOW; t++)
      counts[labels[t] as number] = (counts[labels[t] as number] as number) + 1;
    const [plus, minus] = [(counts[1] ?? 0) / WINDOW, (counts[2] ?? 0) / WINDOW];
    return { start, plus, minus, kind: kindOf(plus, minus), heldOut: isHeldOut(start) };
  });
}

function kindOf(plus: number, minus: number): Kind {
  if (plus >= 0.9) return "coding+";
  if (minus >= 0.9) return "coding-";
  return plus + minus <= 0.1 ? "non-coding" : "mixed";
}

/** Every fifth stretch of a sequence is held out: near enough to the rest to be the same genome, long enough to be no neighbour. */
export interface Split {
  /** Bases of a stretch: a multiple of the window. */
  readonly stretch: number;
  readonly isHeldOut: (base: number) => boolean;
}

/** Stretches of 100,000 bases or so, shorter where the sequence is. */
export function splitOf(N: number): Split {
  const stretch = Math.max(WINDOW, WINDOW * Math.round(Math.min(100_000, N / 20) / WINDOW));
  return { stretch, isHeldOut: (base) => Math.floor(base / stretch) % 5 === 4 };
}
