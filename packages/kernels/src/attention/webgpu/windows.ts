import { LimitError, type Tensor, type TensorArgument } from "@dilated/core";
import type { ResolvedAttention } from "../op/options.ts";
import { TILE_WORDS, type TileGroup } from "../schedule/dilated/tiles.ts";

/** A part of the work whose rows fit one binding: whole segments of one batch row, or everything. */
export interface RowWindow {
  readonly batchBegin: number;
  readonly batchCount: number;
  /** Tokens of the batch rows that it covers. */
  readonly tokenBegin: number;
  readonly tokenEnd: number;
  /** Rows b·N + t that are bound: from `rowBase`, a multiple of 64 so that every offset is a multiple of 256 bytes. */
  readonly rowBase: number;
  readonly rowEnd: number;
}

const ALIGN = 64;

/**
 * Cuts the work so that no binding is longer than the device allows; one window when everything fits. Cuts are where no segment of any branch crosses.
 *
 * @param rowBytes - Bytes of one token in the widest tensor.
 * @throws LimitError - a segment is longer than a binding; says which length would fit
 */
export function planWindows(
  caller: string,
  resolved: ResolvedAttention,
  rowBytes: number,
  maxBindingBytes: number,
): RowWindow[] {
  const { B, N, branches, sequences } = resolved;
  const most = Math.floor(maxBindingBytes / rowBytes);
  if (B * N <= most) return [{ batchBegin: 0, batchCount: B, tokenBegin: 0, tokenEnd: N, rowBase: 0, rowEnd: B * N }];
  const step = branches.reduce((a, { w }) => Math.min((a / gcd(a, w)) * w, N), 1);
  const cuts = sequences.flatMap(({ start, end }) => {
    const inner = Array.from({ length: Math.ceil((end - start) / step) - 1 }, (_, i) => start + (i + 1) * step);
    return [...inner, end];
  });
  const windows: RowWindow[] = [];
  for (let b = 0; b < B; b++) {
    let begin = 0;
    let end = 0;
    const push = (): void => {
      windows.push({
        batchBegin: b,
        batchCount: 1,
        tokenBegin: begin,
        tokenEnd: end,
        rowBase: alignDown(b * N + begin),
        rowEnd: b * N + end,
      });
    };
    for (const cut of cuts) {
      if (end > begin && b * N + cut - alignDown(b * N + begin) > most) {
        push();
        begin = end;
      }
      end = cut;
      if (b * N + end - alignDown(b * N + begin) > most) throw tooLong(caller, end - begin, rowBytes, maxBindingBytes);
    }
    push();
  }
  return windows;
}

/** The rows of `tensor` ([B, N, ...]) that a window binds. */
export function bindRows(tensor: Tensor, resolved: ResolvedAttention, { rowBase, rowEnd }: RowWindow): TensorArgument {
  const rows = resolved.B * resolved.N;
  if (rowBase === 0 && rowEnd === rows) return tensor;
  const width = tensor.size / rows;
  return { tensor, offset: rowBase * width, length: (rowEnd - rowBase) * width };
}

/** Tiles of a launch that lie in a window. Cuts are boundaries of the launch's windows too, so those tiles are neighbours. */
export function tilesIn(
  group: TileGroup,
  { tokenBegin, tokenEnd }: RowWindow,
): { readonly begin: number; readonly count: number } {
  let before = 0;
  let upTo = 0;
  for (let i = 0; i < group.tiles.length; i += TILE_WORDS) {
    const first = group.tiles[i] ?? 0;
    if (first < tokenBegin) before++;
    if (first < tokenEnd) upTo++;
  }
  return { begin: before, count: upTo - before };
}

function tooLong(caller: string, tokens: number, rowBytes: number, maxBindingBytes: number): LimitError {
  const fits = Math.floor(maxBindingBytes / rowBytes) - ALIGN;
  return new LimitError(
    `${caller}: a run of ${tokens} tokens that share segments is longer than one binding of this device`,
    {
      details: [
        `${rowBytes} bytes a token; largest binding ${maxBindingBytes} bytes`,
        `fits: segments whose least common multiple is at most ${Math.max(0, fits)} tokens`,
      ],
      fix: "use shorter segments, fewer heads at a time, or f16",
    },
  );
}

function alignDown(row: number): number {
  return Math.floor(row / ALIGN) * ALIGN;
}

function gcd(a: number, b: number): number {
  return b === 0 ? a : gcd(b, a % b);
}
