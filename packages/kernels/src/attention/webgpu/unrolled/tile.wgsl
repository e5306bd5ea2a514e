// The arithmetic that forward and backward share: a tile of ROWS x 32 scores, computed by TY x 8 threads that own
// THREAD_ROWS x 4 of them each, and its product with a tile of columns; forward takes GROUPS such tiles a step. Rows
// are walked in CHUNKS chunks of at most MAX_CHUNK vec4, so that any head dim fits. What must stay in registers has a
// name of its own (directives write them out): arrays would live in memory wherever a compiler does not unroll.
//
// Tensors come in two kinds: 0 is q, k and their gradients, D wide, 1 is v, out and theirs, DV wide. Where these differ
// (SPLIT), the wider one decides the chunks, and the other one counts as zero behind its end.
//
// Thread (ty, tx) owns rows ty + TY * i, i < THREAD_ROWS, and columns tx + 8 * i, i < 4, of a group, and of each output
// row the vec4 numbers tx + 8 * i of every chunk. Interleaved rows and odd pitches keep the vec4 reads of a subgroup on
// different banks. The body supplies load_row, load_column and column_counts.
//
// Constants: TY, THREAD_ROWS, MAX_CHUNK and GROUPS; KEPT row kinds stay in workgroup memory (0: staged again for each
// product).
#let THREADS = 8 * TY
#let ROWS = THREAD_ROWS * TY
#let D4 = max(D, DV) / 4
#let SPLIT = D != DV
#let LINE = D4 - SPLIT * (D4 - 1)
#let CHUNKS = (D4 + MAX_CHUNK - 1) / MAX_CHUNK
#let CHUNK = (D4 + CHUNKS - 1) / CHUNKS
#let OWN = (CHUNK + 7) / 8
#let PITCH = CHUNK + 1 - CHUNK % 2
#let LOADS = (32 * CHUNK + THREADS - 1) / THREADS
#let ROW_LOADS = (ROWS * CHUNK + THREADS - 1) / THREADS
#let ROW_CHUNKS = 1 + (CHUNKS - 1) * (KEPT > 0)
#let ROW_PITCH = ROW_CHUNKS * CHUNK + 1 - ROW_CHUNKS * CHUNK % 2
#let ROW_TILE = ROWS * ROW_PITCH
#let PANEL = max(32 * PITCH + 8 * OWN, ROWS * 9)
#let PANELS = 1 + GROUPS
#let STEP = 32 * GROUPS
#let UNROLL = 1 + 3 * (CHUNK % 4 == 0)

const THREADS = $(THREADS)u;
const COLUMNS = $(STEP)u;
const D4 = $(D4)u;

var<workgroup> row_chunk: array<vec4f, $(max(KEPT, 1) * ROW_TILE)>;
/**
 * Each a tile of 32 columns, or of weights: [row][tx], what thread tx holds for the row, columns tx, tx + 8, tx + 16,
 * tx + 24.
 */
var<workgroup> panels: array<vec4f, $(PANELS * PANEL)>;

/** Scores of a thread: [group][row], four columns each. */
struct Scores {
#for g in 0..GROUPS
#for i in 0..THREAD_ROWS
  s$(g)_$(i): vec4f,
#end
#end
}

/** Outputs of a thread: of each row OWN vec4 a chunk. */
struct Outputs {
#for i in 0..THREAD_ROWS
#for c in 0..CHUNKS * OWN
  o$(i)_$(c): vec4f,
#end
#end
}

/** Columns on their way from storage to workgroup memory. */
struct Staged {
#for j in 0..LOADS
  v$(j): vec4f,
#end
}

/**
 * Rows or columns of a tensor: number j begins at vec4 origin + pitch * j, where the widths are SPLIT at row origin +
 * pitch * j; those from `end` on count as zero.
 */
struct Lines {
  origin: u32,
  pitch: u32,
  end: u32,
}

/** Loops that are rolled for software adapters are not rolled here. */
fn bound(n: u32) -> u32 { return n; }

fn query_rows() -> Lines {
  return Lines(query_at(tile.head, tile.place) * $(LINE)u, params.row_pitch * params.heads_q * $(LINE)u, tile.count);
}

fn key_rows() -> Lines {
  return Lines(key_at(tile.head, tile.place) * $(LINE)u, params.row_pitch * params.heads_kv * $(LINE)u, tile.count);
}

fn query_columns() -> Lines {
  return Lines(query_at(run.head, run.place) * $(LINE)u, run.pitch * params.heads_q * $(LINE)u, run.end);
}

fn key_columns() -> Lines {
  return Lines(key_at(run.head / query_group(), run.place) * $(LINE)u, run.pitch * params.heads_kv * $(LINE)u, run.end);
}

fn stage_rows(lane: u32, rows: Lines, kind: u32, chunk: u32, place: u32) {
  for (var j = 0u; j < $(ROW_LOADS)u; j++) {
    let i = lane % THREADS + THREADS * j;
    let row = i / $(CHUNK)u;
    let d = chunk * $(CHUNK)u + i % $(CHUNK)u;
    var value = vec4f();
#if SPLIT
    let width = select($(D / 4)u, $(DV / 4)u, kind == 1u);
    if (row < rows.end && d < width) { value = load_row(kind, (rows.origin + rows.pitch * row) * width + d); }
#else
    if (row < rows.end && d < D4) { value = load_row(kind, rows.origin + rows.pitch * row + d); }
#end
    if (row < $(ROWS)u) { row_chunk[place * $(ROW_TILE)u + row * $(ROW_PITCH)u + d % $(ROW_CHUNKS * CHUNK)u] = value; }
  }
}

/** Stages the rows that stay. */
fn keep_rows(lane: u32, rows: Lines) {
#for kind in 0..KEPT
#for chunk in 0..CHUNKS
  stage_rows(lane, rows, $(kind)u, $(chunk)u, $(kind)u);
#end
#end
}

/** Reads columns `begin` to `begin` + 31 of one kind. */
fn fetch(lane: u32, columns: Lines, begin: u32, kind: u32, chunk: u32) -> Staged {
  var staged = Staged();
#for j in 0..LOADS
  {
    let i = lane + $(j * THREADS)u;
    let column = begin + i / $(CHUNK)u;
    let d = chunk * $(CHUNK)u + i % $(CHUNK)u;
#if SPLIT
    let width = select($(D / 4)u, $(DV / 4)u, kind == 1u);
    if (column < columns.end && d < width && column_counts(column)) {
      staged.v$(j) = load_column(kind, (columns.origin + columns.pitch * column) * width + d);
    }
#else
    if (column < columns.end && d < D4 && column_counts(column)) {
      staged.v$(j) = load_column(kind, columns.origin + columns.pitch * column + d);
    }
#end
  }
#end
  return staged;
}

fn put(lane: u32, panel: u32, staged: Staged) {
#for j in 0..LOADS
  {
    let i = lane % THREADS + $(j * THREADS)u;
#if (j + 1) * THREADS > 32 * CHUNK
    if (i < $(32 * CHUNK)u)
#end
    { panels[panel % $(PANELS)u * $(PANEL)u + i / $(CHUNK)u * $(PITCH)u + i % $(CHUNK)u] = staged.v$(j); }
  }
#end
}

// The inner loops begin at a zero that compilers do not know: unrolled whole, they would not fit the instruction cache.
// Remainders show that no index is too large, which saves the checks.

/** scores += rows x columns^T over one chunk; the columns of all groups in panels from `panel` on. */
fn multiply(lane: u32, row_place: u32, panel: u32, chunk: u32, before: Scores) -> Scores {
  let rows = row_place % $(max(KEPT, 1))u * $(ROW_TILE)u + lane / 8u % $(TY)u * $(ROW_PITCH)u + chunk % $(ROW_CHUNKS)u * $(CHUNK)u;
  let columns = panel % $(PANELS + 1 - GROUPS)u * $(PANEL)u + lane % 8u * $(PITCH)u;
  var scores = before;
  for (var n = params.no_limit + 1u; n < $(CHUNK / UNROLL)u; n++) {
#for u in 0..UNROLL
    {
      let d = n % $(CHUNK / UNROLL)u * $(UNROLL)u + $(u)u;
#for g in 0..GROUPS
#for c in 0..4
      let c$(g)_$(c) = panels[columns + d + $(g * PANEL + 8 * c * PITCH)u];
#end
      let x$(g) = vec4f(c$(g)_0.x, c$(g)_1.x, c$(g)_2.x, c$(g)_3.x);
      let y$(g) = vec4f(c$(g)_0.y, c$(g)_1.y, c$(g)_2.y, c$(g)_3.y);
      let z$(g) = vec4f(c$(g)_0.z, c$(g)_1.z, c$(g)_2.z, c$(g)_3.z);
      let w$(g) = vec4f(c$(g)_0.w, c$(g)_1.w, c$(g)_2.w, c$(g)_3.w);
#end
#for i in 0..THREAD_ROWS
      let r$(i) = row_chunk[rows + d + $(i * TY * ROW_PITCH)u];
#for g in 0..GROUPS
      scores.s$(g)_$(i) = fma(vec4f(r$(i).w), w$(g), fma(vec4f(r$(i).z), z$(g), fma(vec4f(r$(i).y), y$(g), fma(vec4f(r$(i).x), x$(g), scores.s$(g)_$(i)))));
#end
#end
    }
#end
  }
  return scores;
}

#for chunk in 0..CHUNKS
/** outputs += weights x columns over one chunk. */
fn gather$(chunk)(lane: u32, weight_panel: u32, column_panel: u32, before: Outputs) -> Outputs {
  let rows = weight_panel % $(PANELS)u * $(PANEL)u + lane / 8u % $(TY)u * 9u;
  let columns = column_panel % $(PANELS)u * $(PANEL)u + lane % 8u;
  var outputs = before;
  for (var n = params.no_limit + 1u; n < 4u; n++) {
#for u in 0..2
    {
      let x = n % 4u * 2u + $(u)u;
#for c in 0..4
#for n in 0..OWN
      let c$(c)_$(n) = panels[columns + x * $(PITCH)u + $(8 * (c * PITCH + n))u];
#end
#end
#for i in 0..THREAD_ROWS
      let p$(i) = panels[rows + x + $(9 * TY * i)u];
#for n in 0..OWN
#let o = chunk * OWN + n
      outputs.o$(i)_$(o) = fma(vec4f(p$(i).w), c3_$(n), fma(vec4f(p$(i).z), c2_$(n), fma(vec4f(p$(i).y), c1_$(n), fma(vec4f(p$(i).x), c0_$(n), outputs.o$(i)_$(o)))));
#end
#end
    }
#end
  }
  return outputs;
}
#end

fn put_weights(lane: u32, panel: u32, i: u32, value: vec4f) {
  panels[panel % $(PANELS)u * $(PANEL)u + (lane / 8u % $(TY)u + TY * i) * 9u + lane % 8u] = value;
}

/** Numbers of a thread's four columns of the group at `begin`. */
fn columns_of(lane: u32, begin: u32) -> vec4u {
  return vec4u(begin + lane % 8u) + vec4u(0u, 8u, 16u, 24u);
}

/** Do all rows of the tile see all columns of the step? */
fn sees_all(begin: u32, whole: bool, columns: Lines) -> bool {
  if (!whole || begin + COLUMNS > columns.end) { return false; }
  if (params.bounded == 0u) { return true; }
  return i32(column_position(begin)) - i32(tile.last) >= run.low
    && i32(column_position(begin + COLUMNS - 1u)) - i32(tile.first) <= run.high;
}
