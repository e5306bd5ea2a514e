// For software adapters. The arithmetic that forward and backward share: a tile of ROWS x COLUMNS scores, computed by
// TY x TX threads that own THREAD_ROWS x 4 of them each, and its product with a tile of columns. D is walked in CHUNKS
// chunks of at most 8 vec4, so that any D fits into 16 KiB of workgroup memory.
//
// Thread (ty, tx) owns rows ty + TY * i, i < THREAD_ROWS, and columns tx + TX * i, i < 4, and of each output row the
// vec4 number tx of every chunk. Interleaved rows and odd pitches keep the vec4 reads of a subgroup on different banks.
// The body supplies load_row, load_column, row_at, column_at and column_counts, by places.

const TX = 8u;
const TY = 8u;
const THREAD_ROWS = 4u;
const ROWS = THREAD_ROWS * TY;
const COLUMNS = 4u * TX;
const THREADS = TX * TY;
/** vec4 of a row of q, k and their gradients, which are tensors of kind 0; and of v, out and theirs, of kind 1. */
const Q4 = D / 4u;
const V4 = DV / 4u;
const D4 = max(Q4, V4);
const CHUNKS = (D4 + 7u) / 8u;
const CHUNK = (D4 + CHUNKS - 1u) / CHUNKS;
const PITCH = CHUNK | 1u;
const WEIGHT_PITCH = TX + 1u;

var<workgroup> row_chunk: array<vec4f, ROWS * PITCH>;
var<workgroup> column_chunk: array<vec4f, COLUMNS * PITCH>;
/** [row][tx]: what thread tx holds for the row, columns tx, tx + 8, tx + 16, tx + 24. */
var<workgroup> weights: array<vec4f, ROWS * WEIGHT_PITCH>;

/** Scores of a thread: one vec4 of columns for each of its rows. */
alias Scores = array<vec4f, THREAD_ROWS>;
/** Outputs of a thread: [row][chunk]. */
alias Outputs = array<vec4f, THREAD_ROWS * CHUNKS>;

/** Bound of a loop, which compilers cannot see: software adapters would compile the unrolled loops for minutes. */
fn bound(n: u32) -> u32 { return min(n, params.no_limit); }

fn width_of(kind: u32) -> u32 { return select(Q4, V4, kind == 1u); }

fn stage_rows(lane: u32, which: u32, chunk: u32) {
  for (var i = lane; i < bound(ROWS * CHUNK); i += THREADS) {
    let row = i / CHUNK;
    let d = chunk * CHUNK + i % CHUNK;
    var value = vec4f();
    if (row < tile.count && d < width_of(which)) {
      value = load_row(which, row_at(row_place(row)) * width_of(which) + d);
    }
    row_chunk[row * PITCH + i % CHUNK] = value;
  }
}

fn stage_columns(lane: u32, begin: u32, which: u32, chunk: u32, attempt: u32) {
  for (var i = lane; i < bound(COLUMNS * CHUNK); i += THREADS) {
    let column = begin + i / CHUNK;
    let d = chunk * CHUNK + i % CHUNK;
    var value = vec4f();
    if (column < run.end && d < width_of(which)) {
      let place = column_place(column);
      if (column_counts(place)) { value = load_column(which, column_at(place) * width_of(which) + d); }
    }
    column_chunk[i / CHUNK * PITCH + i % CHUNK] = cleaned(value, attempt);
  }
}

/** scores += rows x columns^T over one chunk. */
fn multiply(tx: u32, ty: u32, scores: ptr<function, Scores>) {
  for (var d = 0u; d < bound(CHUNK); d++) {
    let c0 = column_chunk[tx * PITCH + d];
    let c1 = column_chunk[(tx + TX) * PITCH + d];
    let c2 = column_chunk[(tx + 2u * TX) * PITCH + d];
    let c3 = column_chunk[(tx + 3u * TX) * PITCH + d];
    for (var i = 0u; i < bound(THREAD_ROWS); i++) {
      let r = row_chunk[(ty + TY * i) * PITCH + d];
      (*scores)[i] += vec4f(dot(r, c0), dot(r, c1), dot(r, c2), dot(r, c3));
    }
  }
}

/** outputs += weights x columns over one chunk. */
fn gather(tx: u32, ty: u32, chunk: u32, outputs: ptr<function, Outputs>) {
  if (tx >= CHUNK) { return; }
  for (var x = 0u; x < bound(TX); x++) {
    let c0 = column_chunk[x * PITCH + tx];
    let c1 = column_chunk[(x + TX) * PITCH + tx];
    let c2 = column_chunk[(x + 2u * TX) * PITCH + tx];
    let c3 = column_chunk[(x + 3u * TX) * PITCH + tx];
    for (var i = 0u; i < bound(THREAD_ROWS); i++) {
      let p = weights[(ty + TY * i) * WEIGHT_PITCH + x];
      (*outputs)[i * CHUNKS + chunk] += p.x * c0 + p.y * c1 + p.z * c2 + p.w * c3;
    }
  }
}

/**
 * Products of all chunks of rows `row_kind` and columns `column_kind`. Begins with a barrier, so that what was staged
 * before has been read.
 */
fn product(lane: u32, begin: u32, row_kind: u32, column_kind: u32, resident: bool) -> Scores {
  var scores = Scores();
  for (var chunk = 0u; chunk < bound(CHUNKS); chunk++) {
    workgroupBarrier();
    if (!resident) { stage_rows(lane, row_kind, chunk); }
    stage_columns(lane, begin, column_kind, chunk, 0u);
    workgroupBarrier();
    multiply(lane % TX, lane / TX, &scores);
  }
  return scores;
}

/** outputs += weights x all chunks of columns `column_kind`. The weights are written before, without a barrier. */
fn gather_all(lane: u32, begin: u32, column_kind: u32, attempt: u32, outputs: ptr<function, Outputs>) {
  for (var chunk = 0u; chunk < bound(CHUNKS); chunk++) {
    workgroupBarrier();
    stage_columns(lane, begin, column_kind, chunk, attempt);
    workgroupBarrier();
    gather(lane % TX, lane / TX, chunk, outputs);
  }
}

fn put_weights(lane: u32, row: u32, value: vec4f) {
  weights[row * WEIGHT_PITCH + lane % TX] = value;
}

/** Numbers of a thread's four columns. */
fn columns_of(tx: u32, begin: u32) -> vec4u {
  return vec4u(begin + tx) + TX * vec4u(0u, 1u, 2u, 3u);
}

/** Scores with their bound, where there is one, which keeps what is not a number. */
fn bounded(scores: vec4f) -> vec4f {
  if (params.softcap == 0.0) { return scores; }
  return select(capped(scores), scores, is_nan4(scores));
}

/** Derivative of `bounded`, from its value. */
fn slope_at(score: vec4f) -> vec4f {
  if (params.softcap == 0.0) { return vec4f(1.0); }
  return cap_slope(score);
}
