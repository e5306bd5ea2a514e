// Schedule of dilated attention, by arithmetic: which rows a workgroup owns, and in which runs of columns it has to
// look.
//
// plan: [tiles x (place of the first row, count, row shift, base, end of the rows, begin and end of the columns, column
// shift)] [branch_count x (w, r, index, low, high, H offsets)], all u32. What is no place is a position: a place plus
// the shift.

/** Offset of a head that takes no part in a branch. */
const NO_OFFSET = 0xffffffffu;
const TILE_WORDS = 8u;
const BRANCH_WORDS = 5u;

/** Where the walk over the branches' segments stands. */
struct Walk {
  /** Position from which segments count. */
  base: u32,
  column_begin: u32,
  column_end: u32,
  column_shift: u32,
  /** Position of the branch in this launch. */
  branch: u32,
  /** First row, a position, behind this run. */
  next: u32,
  seg_begin: u32,
  seg_end: u32,
  dilation: u32,
  offset: u32,
}

var<workgroup> walk: Walk;

fn branch_at(branch: u32) -> u32 {
  return params.branches_at + branch * (BRANCH_WORDS + params.heads_q);
}

/** Number of j with s + r * j < length. */
fn real_rows(length: u32, r: u32, s: u32) -> u32 {
  if (s >= length) { return 0u; }
  return (length - s + r - 1u) / r;
}

fn open_tile(index: u32) {
  let at = index * TILE_WORDS;
  tile.place = plan[at];
  tile.count = plan[at + 1u];
  tile.first = tile.place + plan[at + 2u];
  walk.base = plan[at + 3u];
  let end = plan[at + 4u];
  walk.column_begin = plan[at + 5u];
  walk.column_end = plan[at + 6u];
  walk.column_shift = plan[at + 7u];
  if (params.per_head_rows != 0u) {
    let s = plan[branch_at(0u) + BRANCH_WORDS + tile.head];
    let window_begin = tile.first - (tile.first - walk.base) % params.window;
    let window_end = min(window_begin + params.window, end);
    // As real_rows, spelled out: a driver that finds it called three times inlines none of the calls, and keeps no
    // register across them.
    tile.count = min(tile.count, (max(window_end - tile.first, s) - s + params.row_step - 1u) / params.row_step);
    tile.first += s;
    tile.place += s;
  }
  tile.last = tile.first + params.row_step * (max(tile.count, 1u) - 1u);
}

fn row_takes_part(position: u32) -> bool {
  return position >= walk.seg_begin && position < walk.seg_end && (position - walk.seg_begin) % walk.dilation == walk.offset;
}

fn open_runs(head: u32) {
  run.head = head;
  walk.branch = 0u;
  walk.next = tile.first;
}

/** Goes to the next run that some row of the tile may take part in, or leaves none `live`. */
fn next_run() {
  run.live = 0u;
  loop {
    if (walk.next > tile.last) {
      walk.branch += 1u;
      walk.next = tile.first;
    }
    if (tile.count == 0u || walk.branch >= params.branch_count) { return; }
    let at = branch_at(walk.branch);
    let w = plan[at];
    let r = plan[at + 1u];
    let s = plan[at + BRANCH_WORDS + run.head];
    let row = walk.next;
    if (s == NO_OFFSET) {
      walk.next = tile.last + 1u;
      continue;
    }
    walk.seg_begin = row - (row - walk.base) % w;
    walk.seg_end = walk.seg_begin + w;
    let last_row = row + (min(tile.last, walk.seg_end - 1u) - row) / params.row_step * params.row_step;
    walk.next = last_row + params.row_step;
    // All rows of the run share one residue, and it is not the head's.
    if (params.row_step % r == 0u && (row - walk.seg_begin) % r != s) { continue; }
    walk.offset = s;
    walk.dilation = r;
    run.part = plan[at + 2u];
    run.first = walk.seg_begin + s;
    run.place = run.first - walk.column_shift;
    run.step = r;
    run.pitch = r;
    run.zeros = 0u;
    run.whole = u32(params.row_step % r == 0u && walk.seg_begin <= tile.first && tile.last < walk.seg_end);
    run.begin = max(walk.seg_begin, walk.column_begin);
    run.end = min(walk.seg_end, walk.column_end);
    if (params.bounded != 0u) {
      // In differences of column and row; those of key and query are in the plan.
      run.low = select(bitcast<i32>(plan[at + 3u]), -bitcast<i32>(plan[at + 4u]), TRANSPOSED);
      run.high = select(bitcast<i32>(plan[at + 4u]), -bitcast<i32>(plan[at + 3u]), TRANSPOSED);
      run.begin = max(run.begin, u32(max(i32(row) + run.low, 0)));
      run.end = min(run.end, u32(max(i32(last_row) + run.high + 1, 0)));
    }
    if (run.begin >= run.end) { continue; }
    run.begin = real_rows(run.begin - walk.seg_begin, r, s);
    run.end = real_rows(run.end - walk.seg_begin, r, s);
    if (params.zero_pad != 0u) { run.zeros = max((min(w, walk.column_end - walk.base) + r - 1u) / r, run.end) - run.end; }
    if (run.begin < run.end) {
      run.live = 1u;
      return;
    }
  }
}
