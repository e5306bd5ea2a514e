// Schedule of dilated attention, by arithmetic: which rows a workgroup owns, and in which runs of columns it has to look. In the forward pass and for dQ
// rows are queries and columns are keys; for dK and dV (TRANSPOSED) the other way round. Another schedule (CSR lists) is another text with the
// same functions: open_tile, open_runs, next_run, row_token, column_token, row_takes_part.
//
// Where a workgroup stands is the same for all its threads, so it is kept in workgroup memory: one thread computes it, no thread holds it in registers, and
// compilers have little to carry across barriers.
//
// plan: [tile_count x (first_row, count, seq_begin, seq_end)] [branch_count x (w, r, index, 0, H offsets)], all u32.

/** Offset of a head that takes no part in a branch. */
const NO_OFFSET = 0xffffffffu;
const TILE_WORDS = 4u;
const BRANCH_WORDS = 4u;

/** Rows are tokens first + stride * j, j < count, of one batch row and head. */
struct Tile {
  batch: u32,
  head: u32,
  first: u32,
  last: u32,
  count: u32,
  seq_begin: u32,
  seq_end: u32,
}

/** Columns are tokens first + step * n, begin <= n < end: what one segment of one branch offers to the tile. */
struct Run {
  /** 0 behind the last run. */
  live: u32,
  /** Query head. */
  head: u32,
  /** Position of the branch in this launch. */
  branch: u32,
  /** Index of the branch in the options. */
  index: u32,
  seg_begin: u32,
  seg_end: u32,
  offset: u32,
  first: u32,
  step: u32,
  begin: u32,
  end: u32,
  /** Padding keys of score 0 and value 0 behind the segment. */
  zeros: u32,
  /** First row token behind this run. */
  next: u32,
  /** Every row of the tile takes part. */
  whole: u32,
}

var<workgroup> tile: Tile;
var<workgroup> run: Run;

fn branch_at(branch: u32) -> u32 {
  return params.plan_branches + branch * (BRANCH_WORDS + params.heads_q);
}

/** Number of j with s + r * j < length. */
fn real_rows(length: u32, r: u32, s: u32) -> u32 {
  if (s >= length) { return 0u; }
  return (length - s + r - 1u) / r;
}

/** Run by one thread. Heads vary fastest where nothing else is ordered: neighbouring workgroups then read neighbouring memory. */
fn open_tile(group: u32) {
  var rest = group / params.head_count;
  var head = group % params.head_count;
  if (params.order_tiles > 0u) {
    let size = params.order_tiles * params.head_count;
    let pair = plan[params.order_at + group % size];
    rest = group / size * params.order_tiles + pair / params.head_count;
    head = pair % params.head_count;
  }
  let at = (params.tile_begin + rest % params.tile_count) * TILE_WORDS;
  tile.batch = params.batch_begin + rest / params.tile_count;
  tile.head = params.head_begin + head;
  tile.first = plan[at];
  tile.count = plan[at + 1u];
  tile.seq_begin = plan[at + 2u];
  tile.seq_end = plan[at + 3u];
  if (params.head_class != 0u) {
    let s = plan[branch_at(0u) + BRANCH_WORDS + tile.head];
    let window_begin = tile.first - (tile.first - tile.seq_begin) % params.window;
    let window_end = min(window_begin + params.window, tile.seq_end);
    tile.count = min(tile.count, real_rows(window_end - tile.first, params.stride, s));
    tile.first += s;
  }
  tile.last = tile.first + params.stride * (max(tile.count, 1u) - 1u);
}

fn row_token(row: u32) -> u32 {
  return tile.first + params.stride * row;
}

fn column_token(column: u32) -> u32 {
  return run.first + run.step * column;
}

fn row_takes_part(token: u32) -> bool {
  return token >= run.seg_begin && token < run.seg_end && (token - run.seg_begin) % run.step == run.offset;
}

/** Begins the runs of a query head; by one thread. */
fn open_runs(head: u32) {
  run.head = head;
  run.branch = 0u;
  run.next = tile.first;
}

/** Goes to the next run that some row of the tile may take part in, or leaves none `live`. By one thread. */
fn next_run() {
  run.live = 0u;
  loop {
    if (run.next > tile.last) {
      run.branch += 1u;
      run.next = tile.first;
    }
    if (tile.count == 0u || run.branch >= params.branch_count) { return; }
    let at = branch_at(run.branch);
    let w = plan[at];
    let r = plan[at + 1u];
    let s = plan[at + BRANCH_WORDS + run.head];
    let token = run.next;
    if (s == NO_OFFSET) {
      run.next = tile.last + 1u;
      continue;
    }
    run.seg_begin = token - (token - tile.seq_begin) % w;
    run.seg_end = min(run.seg_begin + w, tile.seq_end);
    let last_row = token + (min(tile.last, run.seg_end - 1u) - token) / params.stride * params.stride;
    run.next = last_row + params.stride;
    // All rows of the run share one residue, and it is not the head's.
    if (params.stride % r == 0u && (token - run.seg_begin) % r != s) { continue; }
    run.index = plan[at + 2u];
    run.offset = s;
    run.step = r;
    run.first = run.seg_begin + s;
    run.begin = 0u;
    run.end = real_rows(run.seg_end - run.seg_begin, r, s);
    run.zeros = 0u;
    run.whole = u32(params.stride % r == 0u && run.seg_begin <= tile.first && tile.last < run.seg_end);
    if (params.causal != 0u) {
      // Keys behind the last row, or queries before the first, see nothing of the tile.
      if (TRANSPOSED) { run.begin = real_rows(token - run.seg_begin, r, s); }
      else { run.end = real_rows(last_row + 1u - run.seg_begin, r, s); }
    } else if (params.zero_pad != 0u) {
      let padded = (min(w, tile.seq_end - tile.seq_begin) + r - 1u) / r;
      run.zeros = max(padded, run.end) - run.end;
    }
    if (run.begin < run.end) {
      run.live = 1u;
      return;
    }
  }
}
