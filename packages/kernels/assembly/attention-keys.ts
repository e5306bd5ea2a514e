import { RunWords } from "./words";
import { KEYS } from "./attention-micro";

// Rows come in runs: the row i of one is at place `place + pitch·i` of a tensor and has the position `position +
// step·i`. A query at position t sees the keys at positions t + low to t + high. Keys of a run of pitch 0 are listed
// instead: `place` is the number of their first (place, position) pair in `lists`.
//
// A tile of keys is two lists of i32 in memory: KEYS places and, behind them, KEYS positions, which rise.

/** Bytes of the lists of a tile. */
export const LIST_BYTES: usize = <usize>KEYS << 3;
/** Bytes from the places to the positions. */
export const POSITIONS: usize = <usize>KEYS << 2;

/** Where in its runs the next tile begins. */
@unmanaged
export class KeyCursor {
  run: i32;
  index: i32;
}

/** How many of the positions first, first + step, ... are at most `limit`. */
// @ts-ignore: decorator
@inline
export function rowsUpTo(limit: i32, first: i32, step: i32): i32 {
  return limit < first ? 0 : (limit - first) / step + 1;
}

/**
 * Lists the next keys of the runs before `runEnd`: as many as a tile holds of those that the mask (u32, or 0: none)
 * allows and whose positions are in [from, to]. Consecutive runs share a tile, so that short ones do not waste it.
 * Gives their number, which is 0 when there are no more.
 */
export function nextKeys(
  cursor: KeyCursor, runs: usize, runEnd: i32, from: i32, to: i32, mask: usize, lists: usize, list: usize,
): i32 {
  let run = cursor.run, i = cursor.index, n = 0;
  for (; run < runEnd; run++, i = 0) {
    const keys = changetype<RunWords>(runs + <usize>run * offsetof<RunWords>());
    const first = keys.position, step = keys.step, pitch = keys.pitch;
    if (pitch == 0) {
      const count = keys.count;
      for (let pair = lists + (<usize>(keys.place + i) << 3); i < count && n < KEYS; i++, pair += 8) {
        const place = load<i32>(pair), position = load<i32>(pair, 4);
        if (position < from || (mask && !load<u32>(mask + (<usize>place << 2)))) continue;
        if (position > to) {
          i = count;
          break;
        }
        store<i32>(list, place);
        store<i32>(list, position, POSITIONS);
        list += 4;
        n++;
      }
      if (i < count) break;
      continue;
    }
    const last = min(keys.count, rowsUpTo(to, first, step));
    i = max(i, rowsUpTo(from - 1, first, step));
    let place = keys.place + pitch * i, position = first + step * i;
    for (; i < last && n < KEYS; i++, place += pitch, position += step) {
      if (mask && !load<u32>(mask + (<usize>place << 2))) continue;
      store<i32>(list, place);
      store<i32>(list, position, POSITIONS);
      list += 4;
      n++;
    }
    if (i < last) break;
  }
  cursor.run = run;
  cursor.index = i;
  return n;
}

/** How many of the first n positions are at most `limit`. */
export function countUpTo(positions: usize, n: i32, limit: i32): i32 {
  while (n > 0 && load<i32>(positions + (<usize>(n - 1) << 2)) > limit) n--;
  return n;
}

/** How many of the first n positions are below `limit`. */
export function countBelow(positions: usize, n: i32, limit: i32): i32 {
  let i = 0;
  while (i < n && load<i32>(positions + (<usize>i << 2)) < limit) i++;
  return i;
}
