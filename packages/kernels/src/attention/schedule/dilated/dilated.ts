import { NO_BOUND, type ResolvedAttention } from "../../pattern/options.ts";
import type { Piece, Schedule, ScheduleText } from "../schedule.ts";
import { backwardPasses, forwardPasses } from "./chunks.ts";
import source from "./dilated.wgsl";
import { keysOfRow, sequenceOf } from "./geometry.ts";
import { dilatedLaunches, wholeLaunches } from "./launches.ts";
import { commonMultiple } from "./visits.ts";

/** By which its kernels are kept. */
export const dilatedText: ScheduleText = {
  source,
  scalars: {
    /** Positions that tiles do not cross. */
    window: "u32",
    /** Rows are those that the head keeps in the first branch: the tiles of offset 0, moved by the head's. */
    per_head_rows: "u32",
    /** Word of `plan` at which the branches begin, and their number. */
    branches_at: "u32",
    branch_count: "u32",
    zero_pad: "u32",
  },
};

/** The schedule of dilated attention. */
export function dilated(resolved: ResolvedAttention): Schedule {
  const { N, M, H, G, bounded, branches, detached, partitioned } = resolved;
  let alone: readonly Schedule[] | undefined;
  const someHeads = new Map<string, Schedule>();
  const schedule: Schedule = {
    N,
    M,
    H,
    G,
    text: dilatedText,
    bounds: branches.some(({ low }) => low > -NO_BOUND) ? "window" : bounded ? "causal" : "none",
    // The detached gradient differs from the exact one only where a row may have keys of several branches.
    get parts() {
      alone ??=
        detached && !partitioned && branches.length > 1
          ? branches.map((branch) => dilated({ ...resolved, branches: [branch] }))
          : [schedule];
      return alone;
    },
    pieces: piecesOf(resolved),
    advice: (tokens) => ({
      fits: `segments whose least common multiple is at most ${tokens} tokens`,
      fix: "use shorter segments",
    }),
    launches: (role, sizes) => dilatedLaunches(resolved, role, sizes),
    whole: (sizes) => wholeLaunches(resolved, sizes),
    forwardPasses: (rows) => forwardPasses(resolved, rows),
    backwardPasses: (rows) => backwardPasses(resolved, rows),
    keysOfRow: (_, h, t) => keysOfRow(resolved, h, t),
    heads: (begin, end, keyHeads) => {
      const key = `${begin} ${end} ${keyHeads}`;
      const known = someHeads.get(key) ?? dilated(headsOf(resolved, begin, end, keyHeads));
      someHeads.set(key, known);
      return known;
    },
    positionOf: (t) => t + sequenceOf(resolved, t).shift,
  };
  return schedule;
}

/** What the heads `[begin, end)` do: they keep their offsets, and the branches that they take part in. */
function headsOf(resolved: ResolvedAttention, begin: number, end: number, keyHeads: number): ResolvedAttention {
  const H = end - begin;
  const within = (head: number) => Math.min(Math.max(head - begin, 0), H);
  const branches = resolved.branches.map((branch) => ({
    ...branch,
    headStart: within(branch.headStart),
    headEnd: within(branch.headEnd),
    offsets: branch.offsets.slice(begin, end),
  }));
  return { ...resolved, H, G: keyHeads, branches };
}

/** Stretches that no segment of any branch crosses. */
function piecesOf({ branches, sequences, N, M }: ResolvedAttention): Piece[] {
  const longest = Math.max(N, M);
  const segments = branches.map(({ w }) => w);
  const step = Math.min(commonMultiple(segments, longest), longest);
  return sequences.flatMap(({ start, end, keyStart, keyEnd, shift }) => {
    const last = Math.max(end + shift, keyEnd);
    const pieces: Piece[] = [];
    for (let from = keyStart; from < last; from += step) {
      const to = Math.min(from + step, last);
      const query = (position: number): number => Math.min(Math.max(position - shift, start), end);
      const key = (position: number): number => Math.min(position, keyEnd);
      pieces.push({ queryBegin: query(from), queryEnd: query(to), keyBegin: key(from), keyEnd: key(to) });
    }
    return pieces;
  });
}
