declare module "asciichart" {
  /** Draws a series as text. */
  export function plot(
    series: readonly number[],
    config?: { height?: number; format?: (value: number) => string },
  ): string;
}
