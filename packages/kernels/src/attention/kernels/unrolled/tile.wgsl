// The arithmetic that forward and backward share: a tile of ROWS x 32 scores, computed by TY x 8 threads that own RT x 4 of them each, and its product with a
// tile of columns. D is walked in CHUNKS chunks of at most CV vec4, so that any D fits. What must stay in registers has a name of its own (directives
// write them out): arrays would live in memory wherever a compiler does not unroll.
//
// Thread (ty, tx) owns rows ty + TY * i, i < RT, and columns tx + 8 * i, i < 4, and of each output row the vec4 numbers tx + 8 * i of every chunk. Interleaved
// rows and odd pitches keep the vec4 reads of a subgroup on different banks. The body supplies load_row, load_column and column_counts.
//
// Constants: TY, RT and CV; KEPT row kinds stay in workgroup memory (0: staged again for each product; needs one chunk); PAIR: both column kinds are staged at
// once (needs one chunk); WEIGHTS: tiles of weights; AHEAD: columns are
// fetched into registers one stage early.
#let THREADS = 8 * TY
#let ROWS = RT * TY
#let D4 = D / 4
#let CHUNKS = (D4 + CV - 1) / CV
#let CHUNK = (D4 + CHUNKS - 1) / CHUNKS
#let OWN = (CHUNK + 7) / 8
#let PITCH = CHUNK + 1 - CHUNK % 2
#let LOADS = (32 * CHUNK + THREADS - 1) / THREADS
#let ROW_LOADS = (ROWS * CHUNK + THREADS - 1) / THREADS
#let ROW_TILE = ROWS * PITCH
#let COLUMN_TILE = 32 * PITCH + 8 * OWN
#let WEIGHT_TILE = ROWS * 9

const THREADS = $(THREADS)u;
const COLUMNS = 32u;
const D4 = $(D4)u;

/** Base-2 logarithms inside: exp2 is what the hardware has. */
const LOG2_E = 1.4426950408889634;
const LN_2 = 0.6931471805599453;
/** Stands for minus infinity, here and in `lse`. What is below the bound is empty: exp2(EMPTY - EMPTY_BOUND) is 0. */
const EMPTY = -1e30;
const EMPTY_BOUND = -5e29;

var<workgroup> row_chunk: array<vec4f, $(max(KEPT, 1) * ROW_TILE)>;
var<workgroup> column_chunk: array<vec4f, $((1 + PAIR) * COLUMN_TILE)>;
/** [row][tx]: what thread tx holds for the row, columns tx, tx + 8, tx + 16, tx + 24. */
var<workgroup> weights: array<vec4f, $(WEIGHTS * WEIGHT_TILE)>;

/** Scores of a thread: four columns of each of its rows. */
struct Scores {
#for i in 0..RT
  s$(i): vec4f,
#end
}

/** Outputs of a thread: of each row OWN vec4 a chunk. */
struct Outputs {
#for i in 0..RT
#for c in 0..CHUNKS * OWN
  o$(i)_$(c): vec4f,
#end
#end
}

/** Columns on their way from storage to workgroup memory. */
struct Staged {
#for j in 0..(1 + PAIR) * LOADS
  v$(j): vec4f,
#end
}

/** Rows or columns of a tensor: number j begins at vec4 origin + pitch * j, those from `end` on count as zero. */
struct Lines {
  origin: u32,
  pitch: u32,
  end: u32,
}

/** Loops that are rolled for software adapters are not rolled here. */
fn bound(n: u32) -> u32 { return n; }

fn tile_rows(head: u32, heads: u32) -> Lines {
  return Lines(line_at(tile.first, head, heads), params.stride * heads * D4, tile.count);
}

fn run_columns(head: u32, heads: u32) -> Lines {
  return Lines(line_at(run.first, head, heads), run.step * heads * D4, run.end);
}

/** vec4 at which a token begins in [B, N, heads, D]. */
fn line_at(token: u32, head: u32, heads: u32) -> u32 {
  return ((tile.batch * params.tokens + token - params.row_base) * heads + head) * D4;
}

fn stage_rows(lane: u32, rows: Lines, kind: u32, chunk: u32, place: u32) {
  for (var j = 0u; j < $(ROW_LOADS)u; j++) {
    let i = lane % THREADS + THREADS * j;
    let row = i / $(CHUNK)u;
    let d = i % $(CHUNK)u;
    var value = vec4f();
    if (row < rows.end && chunk * $(CHUNK)u + d < D4) { value = load_row(kind, rows.origin + rows.pitch * row + chunk * $(CHUNK)u + d); }
    if (row < $(ROWS)u) { row_chunk[place * $(ROW_TILE)u + row * $(PITCH)u + d] = value; }
  }
}

/** Reads the columns from `begin` on of one kind, or of both. */
fn fetch(lane: u32, columns: Lines, at: Stage, chunk: u32) -> Staged {
  var staged = Staged();
#for j in 0..LOADS
  {
    let i = lane + $(j * THREADS)u;
    let column = at.begin + i / $(CHUNK)u;
    let d = chunk * $(CHUNK)u + i % $(CHUNK)u;
    if (column < columns.end && d < D4 && column_counts(column)) {
      let line = columns.origin + columns.pitch * column + d;
#if PAIR
      staged.v$(j) = load_column(0u, line);
      staged.v$(j + LOADS) = load_column(1u, line);
#else
      staged.v$(j) = load_column(at.kind, line);
#end
    }
  }
#end
  return staged;
}

fn put(lane: u32, staged: Staged) {
#for j in 0..LOADS
  {
    let i = lane % THREADS + $(j * THREADS)u;
    let at = i / $(CHUNK)u * $(PITCH)u + i % $(CHUNK)u;
#if (j + 1) * THREADS > 32 * CHUNK
    if (i < $(32 * CHUNK)u)
#end
    {
      column_chunk[at] = staged.v$(j);
#if PAIR
      column_chunk[at + $(COLUMN_TILE)u] = staged.v$(j + LOADS);
#end
    }
  }
#end
}

/** scores += rows x columns^T over one chunk. Remainders show the compiler that no index is too large, and save its checks in the loop. */
fn multiply(lane: u32, row_place: u32, column_place: u32, before: Scores) -> Scores {
  let rows = row_place % $(max(KEPT, 1))u * $(ROW_TILE)u + lane / 8u % $(TY)u * $(PITCH)u;
  let columns = column_place % $(1 + PAIR)u * $(COLUMN_TILE)u + lane % 8u * $(PITCH)u;
  var scores = before;
  for (var d = 0u; d < $(CHUNK)u; d++) {
#for c in 0..4
    let c$(c) = column_chunk[columns + d + $(8 * c * PITCH)u];
#end
    let x = vec4f(c0.x, c1.x, c2.x, c3.x);
    let y = vec4f(c0.y, c1.y, c2.y, c3.y);
    let z = vec4f(c0.z, c1.z, c2.z, c3.z);
    let w = vec4f(c0.w, c1.w, c2.w, c3.w);
#for i in 0..RT
    let r$(i) = row_chunk[rows + d + $(i * TY * PITCH)u];
    scores.s$(i) = fma(vec4f(r$(i).w), w, fma(vec4f(r$(i).z), z, fma(vec4f(r$(i).y), y, fma(vec4f(r$(i).x), x, scores.s$(i)))));
#end
  }
  return scores;
}

#for chunk in 0..CHUNKS
/** outputs += weights x columns over one chunk. */
fn gather$(chunk)(lane: u32, weight_place: u32, column_place: u32, before: Outputs) -> Outputs {
  let rows = weight_place % $(WEIGHTS)u * $(WEIGHT_TILE)u + lane / 8u % $(TY)u * 9u;
  let columns = column_place % $(1 + PAIR)u * $(COLUMN_TILE)u + lane % 8u;
  var outputs = before;
  for (var x = 0u; x < 8u; x++) {
#for c in 0..4
#for n in 0..OWN
    let c$(c)_$(n) = column_chunk[columns + x * $(PITCH)u + $(8 * (c * PITCH + n))u];
#end
#end
#for i in 0..RT
    let p$(i) = weights[rows + x + $(9 * TY * i)u];
#for n in 0..OWN
#let o = chunk * OWN + n
    outputs.o$(i)_$(o) = fma(vec4f(p$(i).w), c3_$(n), fma(vec4f(p$(i).z), c2_$(n), fma(vec4f(p$(i).y), c1_$(n), fma(vec4f(p$(i).x), c0_$(n), outputs.o$(i)_$(o)))));
#end
#end
  }
  return outputs;
}
#end

/** A stage: columns from `begin` on of one kind. */
struct Stage {
  begin: u32,
  kind: u32,
}

/** Stages columns, and with AHEAD fetches what comes by `next`; ends with a barrier. */
fn stage(lane: u32, columns: Lines, now: Stage, chunk: u32, next: Stage, next_chunk: u32, staged: ptr<function, Staged>) {
#if AHEAD
  put(lane, *staged);
  *staged = fetch(lane, columns, next, next_chunk);
#else
  put(lane, fetch(lane, columns, now, chunk));
#end
  workgroupBarrier();
}

/** Begins a step: stages both kinds of columns where that is done in pairs. */
fn open_step(lane: u32, columns: Lines, begin: u32, staged: ptr<function, Staged>) {
#if PAIR
  workgroupBarrier();
  stage(lane, columns, Stage(begin, 0u), 0u, Stage(begin + COLUMNS, 0u), 0u, staged);
#end
}

/** Products of rows and columns of one kind. */
fn product(lane: u32, rows: Lines, columns: Lines, now: Stage, next: Stage, staged: ptr<function, Staged>) -> Scores {
  var scores = Scores();
#if PAIR
  scores = multiply(lane, now.kind * $(KEPT > 1), now.kind, scores);
#else
#for chunk in 0..CHUNKS
  workgroupBarrier();
#if KEPT == 0
  stage_rows(lane, rows, now.kind, $(chunk)u, 0u);
#end
#if chunk + 1 < CHUNKS
  stage(lane, columns, now, $(chunk)u, now, $(chunk + 1)u, staged);
#else
  stage(lane, columns, now, $(chunk)u, next, 0u, staged);
#end
  scores = multiply(lane, now.kind * $(KEPT > 1), 0u, scores);
#end
#end
  return scores;
}

/** outputs + weights x columns of one kind. Weights are written before, without a barrier. */
fn gather(lane: u32, columns: Lines, now: Stage, next: Stage, staged: ptr<function, Staged>, before: Outputs) -> Outputs {
  var outputs = before;
#if PAIR
  workgroupBarrier();
  outputs = gather0(lane, now.kind * $(WEIGHTS > 1), now.kind, outputs);
#else
#for chunk in 0..CHUNKS
  workgroupBarrier();
#if chunk + 1 < CHUNKS
  stage(lane, columns, now, $(chunk)u, now, $(chunk + 1)u, staged);
#else
  stage(lane, columns, now, $(chunk)u, next, 0u, staged);
#end
  outputs = gather$(chunk)(lane, 0u, 0u, outputs);
#end
#end
  return outputs;
}

fn put_weights(lane: u32, place: u32, i: u32, value: vec4f) {
  weights[place % $(WEIGHTS)u * $(WEIGHT_TILE)u + (lane / 8u % $(TY)u + TY * i) * 9u + lane % 8u] = value;
}

/** Numbers of a thread's four columns. */
fn columns_of(lane: u32, begin: u32) -> vec4u {
  return vec4u(begin + lane % 8u) + vec4u(0u, 8u, 16u, 24u);
}

/** Do all rows of the tile see all columns of the step? */
fn sees_all(begin: u32, whole: bool, columns: Lines) -> bool {
  if (!whole || begin + COLUMNS > columns.end) { return false; }
  if (params.causal == 0u) { return true; }
  if (TRANSPOSED) { return column_token(begin) >= tile.last; }
  return column_token(begin + COLUMNS - 1u) <= tile.first;
}

/** Which of four columns count for a row: inside the run, key not behind the query. */
fn visible(numbers: vec4u, row: u32) -> vec4<bool> {
  let token = vec4u(run.first) + run.step * numbers;
  var seen = numbers < vec4u(run.end);
  if (params.causal != 0u) {
    if (TRANSPOSED) { seen = seen & (token >= vec4u(row)); }
    else { seen = seen & (token <= vec4u(row)); }
  }
  return seen;
}
