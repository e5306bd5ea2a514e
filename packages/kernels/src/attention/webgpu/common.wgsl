// What every attention kernel shares, whatever its schedule and its tier. In the forward pass and for dQ rows are
// queries and columns are keys; for dK and dV (TRANSPOSED) the other way round. A row has a place, where it lies in its
// tensor, and a position, which token it is: addresses take places; the schedule, bounds and random numbers take
// positions.
//
// Functions are small, and the longer ones called at most twice: the Vulkan driver of NVIDIA that this was measured
// with (580.159) inlines none of the calls of a function that is called more often, and then no matrix stays in
// registers across them (docs/perf-log.md).
//
// Where a workgroup stands is the same for all its threads, so it is kept in workgroup memory: one thread computes it,
// no thread holds it in registers, and compilers have little to carry across barriers.

/** Base-2 logarithms inside: exp2 is what the hardware has. */
const LOG2_E = 1.4426950408889634;
const LN_2 = 0.6931471805599453;
/** Stands for minus infinity, here and in `lse`. What is below the bound is empty: exp2(EMPTY - EMPTY_BOUND) is 0. */
const EMPTY = -1e30;
const EMPTY_BOUND = -5e29;

/** Row j < count of a workgroup has the place `place + row_pitch * j` and the position `first + row_step * j`. */
struct Tile {
  batch: u32,
  /** Of queries, or of keys where TRANSPOSED. */
  head: u32,
  place: u32,
  first: u32,
  /** Position of the last row. */
  last: u32,
  count: u32,
#if GATHERED
  /** Word of `plan` at which (place, position) pairs of the rows begin; 0: they are in a line. */
  list: u32,
#end
}

/** Columns n, begin <= n < end, have the places `place + pitch * n` and the positions `first + step * n`. */
struct Run {
  /** 0 behind the last run. */
  live: u32,
  /** Query head. */
  head: u32,
  /** Which of the schedule's parts. */
  part: u32,
  place: u32,
  pitch: u32,
  first: u32,
  step: u32,
  begin: u32,
  end: u32,
  /** Padding keys of score 0 and value 0 beside them. */
  zeros: u32,
  /** Every row of the tile takes part. */
  whole: u32,
  /** Where the launch is bounded, a row sees columns whose position less its own is from `low` to `high`. */
  low: i32,
  high: i32,
#if GATHERED
  /** Word of `plan` at which (place, position) pairs of the columns begin; 0: they are in a line. */
  list: u32,
#end
}

var<workgroup> tile: Tile;
var<workgroup> run: Run;

/** Whether a launch that adds to given results has found something that only exact kernels get right. */
fn is_left() -> bool { return params.skip_call != 0u && plan[params.skip_at] == params.skip_call; }

/**
 * Which tile, head and batch row a workgroup has; by one thread. Heads vary fastest where nothing else is ordered:
 * neighbours then read neighbouring memory.
 */
fn open_group(group: u32) {
  var rest = group / params.head_count;
  var head = group % params.head_count;
  if (params.order_tiles > 0u) {
    let size = params.order_tiles * params.head_count;
    let pair = plan[params.order_at + group % size];
    rest = group / size * params.order_tiles + pair / params.head_count;
    head = pair % params.head_count;
  }
  tile.batch = params.batch_begin + rest / params.tile_count;
  tile.head = params.head_begin + head;
  open_tile(params.tile_begin + rest % params.tile_count);
  if (is_left()) { tile.count = 0u; }
}

#if GATHERED
// Rows and columns that are not there repeat the last one: nothing behind a list is read.

fn row_place(row: u32) -> u32 {
  if (tile.list == 0u) { return tile.place + params.row_pitch * row; }
  return plan[tile.list + 2u * min(row, max(tile.count, 1u) - 1u)];
}

fn row_position(row: u32) -> u32 {
  if (tile.list == 0u) { return tile.first + params.row_step * row; }
  return plan[tile.list + 2u * min(row, max(tile.count, 1u) - 1u) + 1u];
}

fn column_place(column: u32) -> u32 {
  if (run.list == 0u) { return run.place + run.pitch * column; }
  return plan[run.list + 2u * min(column, run.end - 1u)];
}

fn column_position(column: u32) -> u32 {
  if (run.list == 0u) { return run.first + run.step * column; }
  return plan[run.list + 2u * min(column, run.end - 1u) + 1u];
}

fn column_positions(columns: vec4u) -> vec4u {
  var positions = vec4u();
  for (var i = 0u; i < 4u; i++) { positions[i] = column_position(columns[i]); }
  return positions;
}
#else
fn row_place(row: u32) -> u32 { return tile.place + params.row_pitch * row; }

fn row_position(row: u32) -> u32 { return tile.first + params.row_step * row; }

fn column_place(column: u32) -> u32 { return run.place + run.pitch * column; }

fn column_position(column: u32) -> u32 { return run.first + run.step * column; }
#end

/** Row of a tensor [B, N, H] of queries. */
fn query_at(head: u32, place: u32) -> u32 {
  return (tile.batch * params.queries + place - params.query_base) * params.heads_q + head;
}

/** Row of a tensor [B, M, G] of keys. */
fn key_at(head: u32, place: u32) -> u32 {
  return (tile.batch * params.keys + place - params.key_base) * params.heads_kv + head;
}

/** Element of a mask [B, M]. */
fn mask_at(place: u32) -> u32 { return tile.batch * params.keys + place - params.key_base; }

/** Element of lse [B, H, N]. */
fn lse_at(head: u32, place: u32) -> u32 {
  return (tile.batch * params.heads_q + head) * params.queries + place - params.lse_base;
}

/** Query heads that share a key/value head. */
fn query_group() -> u32 { return params.heads_q / params.heads_kv; }

/** Columns, by their numbers, that are in the run and within the bounds of a row, given its position. */
fn visible(columns: vec4u, row: u32) -> vec4<bool> {
  var seen = columns < vec4u(run.end);
  if (params.bounded != 0u) {
#if GATHERED
    let ahead = vec4i(column_positions(columns)) - vec4i(i32(row));
#else
    let ahead = vec4i(vec4u(run.first) + run.step * columns) - vec4i(i32(row));
#end
    seen = seen & (ahead >= vec4i(run.low)) & (ahead <= vec4i(run.high));
  }
  return seen;
}

/** softcap · tanh(x / softcap) of scores to base 2. A series where 1 - 2 / (e + 1) would lose digits. */
fn capped(x: vec4f) -> vec4f {
  let v = clamp(x / params.softcap, vec4f(-15.0), vec4f(15.0));
  let w = v * v;
  let near = v * (1.0 + w * (-1.0 / 3.0 + w * (2.0 / 15.0 + w * (-17.0 / 315.0 + w * (62.0 / 2835.0)))));
  let far = 1.0 - 2.0 / (exp2(2.0 * LOG2_E * v) + 1.0);
  return params.softcap * select(far, near, w < vec4f(0.0625));
}

/** Derivative of `capped`, from its value. */
fn cap_slope(y: vec4f) -> vec4f {
  let v = y / params.softcap;
  return 1.0 - v * v;
}
