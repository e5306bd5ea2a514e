import { ConfigError } from "@dilated/core";

/** Widths that decide those of the heads. */
interface HeadSizes {
  readonly dim: number;
  readonly heads: number;
  readonly kvHeads: number;
}

/** Lines on head counts and widths that no kernel can do. */
export function headProblems({ dim, heads, kvHeads }: HeadSizes, path = ""): string[] {
  const head = dim / heads;
  return [
    ...(head % 4 === 0 && head <= 256
      ? []
      : [`${path}dim / ${path}heads: ${dim} / ${heads} = ${head}; allowed: a multiple of 4 up to 256`]),
    ...(heads % kvHeads === 0 ? [] : [`${path}kvHeads: ${kvHeads}; allowed: a divisor of heads, ${heads}`]),
  ];
}

/** @throws ConfigError for head counts and widths that no kernel can do. */
export function checkHeads(caller: string, shape: HeadSizes): void {
  const details = headProblems(shape);
  if (details.length > 0)
    throw new ConfigError(`${caller}: dim, heads and kvHeads do not fit together`, {
      details,
      fix: "correct the fields above",
    });
}
