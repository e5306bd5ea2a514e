import type { Device } from "@dilated/core";
import { type Branch, dilatedAttention } from "@dilated/kernels";
import { box, INK, svg, text } from "./svg.ts";

const COLORS = [INK.blue, INK.orange, INK.green] as const;

/** Weight of key u for query t: [head][t][u]. */
export type Weights = readonly (readonly (readonly number[])[])[];

/**
 * Which keys each query of each head sees, from the kernel itself: scores are all equal and the values are the unit vectors, so that a row of the output is
 * the row's softmax weights.
 */
export async function weightsOf(
  device: Device,
  { N, H, branches, causal }: { N: number; H: number; branches: readonly Branch[]; causal: boolean },
): Promise<Weights> {
  using zeros = device.zeros([1, N, H, N]);
  const unit = Float32Array.from({ length: N * H * N }, (_, i) => (i % N === Math.floor(i / (H * N)) ? 1 : 0));
  using v = device.tensor(unit, [1, N, H, N]);
  const { out, lse } = dilatedAttention(zeros, zeros, v, { branches, causal });
  const values = await out.data();
  out.dispose();
  lse.dispose();
  return Array.from({ length: H }, (_, h) =>
    Array.from({ length: N }, (_, t) => Array.from(values.slice((t * H + h) * N, (t * H + h + 1) * N), Number)),
  );
}

/** What a pattern's picture is made of. */
export interface PatternPicture {
  readonly branches: readonly Branch[];
  /** Of each branch alone. */
  readonly alone: readonly Weights[];
  /** Of all branches together. */
  readonly joint: Weights;
}

/** A matrix of queries and keys for each branch and head, and one for all branches together. */
export function matrices({ branches, alone, joint }: PatternPicture): string {
  const H = joint.length;
  const N = joint[0]?.length ?? 0;
  const [cell, left, top] = [4, 150, 64];
  const side = N * cell;
  const column = (h: number): number => left + h * (side + 18);
  const line = (i: number): number => top + i * (side + 22);
  const body = [text(16, 26, "Which keys (across) a query (down) sees", { size: 15, bold: true })];
  for (let h = 0; h < H; h++) body.push(text(column(h) + side / 2, 54, `head ${h}`, { anchor: "middle", bold: true }));
  const panel = (h: number, i: number, cells: readonly (readonly [string, (t: number, u: number) => boolean])[]) => {
    body.push(box([column(h), line(i), side, side], "#F6F6F6", { radius: 0, stroke: INK.light }));
    for (const [color, test] of cells) body.push(dots(column(h), line(i), cell, N, color, test));
  };
  branches.forEach(({ segment, dilation }, i) => {
    body.push(
      text(16, line(i) + 50, `branch ${i + 1}`, { bold: true, color: COLORS[i] ?? INK.black, size: 13 }),
      text(16, line(i) + 68, `segments of ${segment},`),
      text(16, line(i) + 84, dilation === 1 ? "every token" : `every ${nth(dilation)} token`),
    );
    for (let h = 0; h < H; h++) panel(h, i, [[COLORS[i] ?? INK.black, (t, u) => (alone[i]?.[h]?.[t]?.[u] ?? 0) > 0]]);
  });
  const last = branches.length;
  body.push(
    text(16, line(last) + 50, "all together", { bold: true, size: 13 }),
    text(16, line(last) + 68, "one softmax; a key"),
    text(16, line(last) + 84, "of several branches"),
    text(16, line(last) + 100, "(black) counts in each"),
  );
  for (let h = 0; h < H; h++) {
    const times = (t: number, u: number): number => alone.filter((one) => (one[h]?.[t]?.[u] ?? 0) > 0).length;
    const only = (i: number) => (t: number, u: number) => times(t, u) === 1 && (alone[i]?.[h]?.[t]?.[u] ?? 0) > 0;
    panel(h, last, [
      ...branches.map((_, i) => [COLORS[i] ?? INK.black, only(i)] as const),
      [INK.black, (t, u) => times(t, u) > 1],
    ]);
  }
  return svg(column(H - 1) + side + 16, line(last) + side + 16, "Keys by query, branch and head", body);
}

/** What one query sees, head by head: a line of tokens for each branch. */
export function sightOf(t: number, { branches, alone }: PatternPicture): string {
  const heads = alone[0] ?? [];
  const N = heads[0]?.length ?? 0;
  const [step, left, lane] = [18, 168, 18];
  const x = (u: number): number => left + u * step;
  const body = [text(16, 26, `What token ${t} sees, causal`, { size: 15, bold: true })];
  for (let u = 0; u < N; u += 4)
    body.push(text(x(u) + 6, 50, String(u), { anchor: "middle", size: 10, color: INK.grey }));
  let y = 60;
  heads.forEach((_, h) => {
    body.push(text(16, y + 12, `head ${h}`, { bold: true }));
    branches.forEach(({ segment, dilation }, i) => {
      const row = alone[i]?.[h]?.[t] ?? [];
      const color = COLORS[i] ?? INK.black;
      const start = Math.floor(t / segment) * segment;
      body.push(text(left - 10, y + 12, `w ${segment}, r ${dilation}`, { anchor: "end", size: 11, color }));
      body.push(
        box([x(start) - 2, y, Math.min(segment, N - start) * step - 2, lane - 2], color, { opacity: 0.12, radius: 3 }),
      );
      const seen = row.flatMap((weight, u) => (weight > 0 ? [u] : []));
      for (const u of seen) body.push(`<circle cx="${x(u) + 6}" cy="${y + 8}" r="5" fill="${color}"/>`);
      if (seen.length === 0)
        body.push(text(x(start) + 4, y + 12, "not in this branch", { size: 10.5, color: INK.grey }));
      y += lane;
    });
    y += 10;
  });
  const bottom = y - 6;
  body.push(
    `<path d="M${x(t) + 6} 54V${bottom}" stroke="${INK.red}" stroke-width="1.5" stroke-dasharray="3 3"/>`,
    text(x(t) + 6, bottom + 14, "the query", { anchor: "middle", color: INK.red, size: 11 }),
  );
  return svg(x(N) + 12, bottom + 28, `Keys that token ${t} sees`, body);
}

function nth(dilation: number): string {
  return { 2: "second", 3: "third", 4: "fourth" }[dilation] ?? `${dilation}th`;
}

/** One path for all cells of a colour; neighbours in a row are joined. */
function dots(
  x: number,
  y: number,
  cell: number,
  N: number,
  color: string,
  test: (t: number, u: number) => boolean,
): string {
  let d = "";
  for (let t = 0; t < N; t++) {
    for (let u = 0; u < N; u++) {
      if (!test(t, u)) continue;
      const first = u;
      while (u + 1 < N && test(t, u + 1)) u++;
      const width = (u - first + 1) * cell;
      d += `M${x + first * cell} ${y + t * cell}h${width}v${cell}h-${width}z`;
    }
  }
  return `<path d="${d}" fill="${color}"/>`;
}
