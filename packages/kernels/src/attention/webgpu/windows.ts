import { LimitError, type Tensor, type TensorArgument } from "@dilated/core";
import type { Piece, Schedule, ScheduledLaunch, TileRole } from "../schedule/schedule.ts";

/**
 * Rows b·N + t of a side that are bound: from `base`, a multiple of 64 so that every offset is a multiple of 256 bytes.
 */
export interface BoundRows {
  readonly base: number;
  readonly end: number;
}

/** A part of the work whose rows fit one binding: whole pieces of one batch row, or everything. */
export interface RowWindow extends Piece {
  readonly batchBegin: number;
  readonly batchCount: number;
  readonly queries: BoundRows;
  readonly keys: BoundRows;
  /** Elements of lse [B, H, N]. */
  readonly lse: BoundRows;
}

/** What decides the windows of a call. */
export interface WindowSizes {
  readonly B: number;
  readonly N: number;
  readonly M: number;
  readonly H: number;
  /** Bytes of one row of the widest tensor with a row a query, and a row a key. */
  readonly queryBytes: number;
  readonly keyBytes: number;
  readonly maxBindingBytes: number;
}

const ALIGN = 64;

/**
 * Cuts the work so that no binding is longer than the device allows; one window when everything fits. Cuts are between
 * pieces of the schedule.
 *
 * @throws LimitError - a piece is longer than a binding; says which length would fit
 */
export function planWindows(
  caller: string,
  { pieces, advice }: Pick<Schedule, "pieces" | "advice">,
  sizes: WindowSizes,
): RowWindow[] {
  const { B, N, M, H, queryBytes, keyBytes, maxBindingBytes } = sizes;
  const most = { queries: Math.floor(maxBindingBytes / queryBytes), keys: Math.floor(maxBindingBytes / keyBytes) };
  const mostLse = Math.floor(maxBindingBytes / 4);
  if (B * N <= most.queries && B * M <= most.keys && B * H * N <= mostLse) {
    const whole = { queryBegin: 0, queryEnd: N, keyBegin: 0, keyEnd: M };
    const [queries, keys, lse] = [B * N, B * M, B * H * N].map((end) => ({ base: 0, end })) as [
      BoundRows,
      BoundRows,
      BoundRows,
    ];
    return [{ batchBegin: 0, batchCount: B, ...whole, queries, keys, lse }];
  }
  if (H * N > mostLse - ALIGN) throw tooManyRows(caller, sizes);
  const windows: RowWindow[] = [];
  for (let b = 0; b < B; b++) {
    let open: RowWindow | undefined;
    for (const piece of pieces) {
      const grown = windowOf(
        sizes,
        b,
        open ? { ...piece, queryBegin: open.queryBegin, keyBegin: open.keyBegin } : piece,
      );
      if (open && !fits(grown, most)) {
        windows.push(open);
        open = windowOf(sizes, b, piece);
      } else open = grown;
      if (!fits(open, most)) throw tooLong(caller, piece, sizes, advice);
    }
    if (open) windows.push(open);
  }
  return windows;
}

function windowOf({ N, M, H }: WindowSizes, b: number, piece: Piece): RowWindow {
  const { queryBegin, queryEnd, keyBegin, keyEnd } = piece;
  return {
    queryBegin,
    queryEnd,
    keyBegin,
    keyEnd,
    batchBegin: b,
    batchCount: 1,
    queries: { base: alignDown(b * N + queryBegin), end: b * N + queryEnd },
    keys: { base: alignDown(b * M + keyBegin), end: b * M + keyEnd },
    lse: { base: alignDown(b * H * N), end: (b + 1) * H * N },
  };
}

function fits({ queries, keys }: RowWindow, most: Readonly<Record<"queries" | "keys", number>>): boolean {
  return queries.end - queries.base <= most.queries && keys.end - keys.base <= most.keys;
}

/**
 * Those rows of a tensor of `rows` rows that a window binds. An empty side binds a row of its neighbours', which
 * nothing reads.
 */
function bindRows(tensor: Tensor, rows: number, { base, end }: BoundRows): TensorArgument {
  if (base === 0 && end === rows) return tensor;
  const width = tensor.size / rows;
  const from = Math.min(base, alignDown(rows - 1));
  return { tensor, offset: from * width, length: (Math.max(end, from + 1) - from) * width };
}

/** How a window binds tensors of queries, of keys, and lse. */
export interface WindowBindings {
  readonly query: (tensor: Tensor) => TensorArgument;
  readonly key: (tensor: Tensor) => TensorArgument;
  readonly lse: (tensor: Tensor) => TensorArgument;
}

export function bindingsOf(
  { B, N, M, H }: Pick<WindowSizes, "B" | "N" | "M" | "H">,
  { queries, keys, lse }: RowWindow,
): WindowBindings {
  return {
    query: (tensor) => bindRows(tensor, B * N, queries),
    key: (tensor) => bindRows(tensor, B * M, keys),
    lse: (tensor) => bindRows(tensor, B * H * N, lse),
  };
}

/**
 * Tiles of a launch that lie in a window. Cuts are boundaries of the launch's tiles too, so those tiles are neighbours.
 */
export function tilesIn(
  { firstPlaces, tileBegin }: ScheduledLaunch,
  role: TileRole,
  { queryBegin, queryEnd, keyBegin, keyEnd }: RowWindow,
): { readonly begin: number; readonly count: number } {
  const [from, to] = role === "query" ? [queryBegin, queryEnd] : [keyBegin, keyEnd];
  let before = 0;
  let upTo = 0;
  for (const first of firstPlaces) {
    if (first < from) before++;
    if (first < to) upTo++;
  }
  return { begin: tileBegin + before, count: upTo - before };
}

function tooLong(
  caller: string,
  piece: Piece,
  { queryBytes, keyBytes, maxBindingBytes }: WindowSizes,
  advice: Schedule["advice"],
): LimitError {
  const tokens = Math.max(piece.queryEnd - piece.queryBegin, piece.keyEnd - piece.keyBegin);
  const rowBytes = Math.max(queryBytes, keyBytes);
  const longest = Math.max(0, Math.floor(maxBindingBytes / rowBytes) - ALIGN);
  const { fits, fix } = advice(longest);
  return new LimitError(`${caller}: ${tokens} tokens that belong together are longer than one binding of this device`, {
    details: [`${rowBytes} bytes a token; largest binding ${maxBindingBytes} bytes`, `fits: ${fits}`],
    fix: `${fix}, fewer heads at a time, or f16`,
  });
}

function tooManyRows(caller: string, { N, H, maxBindingBytes }: WindowSizes): LimitError {
  return new LimitError(`${caller}: lse of one batch row is longer than one binding of this device`, {
    details: [`H·N = ${H * N} numbers of 4 bytes; largest binding ${maxBindingBytes} bytes`],
    fix: `at most ${Math.floor(maxBindingBytes / 4 / N)} heads at a time`,
  });
}

function alignDown(row: number): number {
  return Math.floor(row / ALIGN) * ALIGN;
}
