// Columns in panel 0, weights in panel 1; what comes next is fetched one stage early.

const ONE_CHUNK = $(CHUNKS)u == 1u;

/** A stage: 32 columns from `begin` on, of one kind. */
struct Stage {
  begin: u32,
  kind: u32,
}

/** Stages what was fetched, and fetches what comes by `next`. Barriers on both sides. */
fn stage(lane: u32, columns: Lines, next: Stage, next_chunk: u32, staged: ptr<function, Staged>) {
  put(lane, 0u, *staged);
  *staged = fetch(lane, columns, next.begin, next.kind, next_chunk);
  workgroupBarrier();
}

/** Products of rows and columns of one kind. */
fn product(lane: u32, rows: Lines, columns: Lines, now: Stage, next: Stage, staged: ptr<function, Staged>) -> Scores {
  var scores = Scores();
#for chunk in 0..CHUNKS
  workgroupBarrier();
#if KEPT == 0
  stage_rows(lane, rows, now.kind, $(chunk)u, 0u);
#end
#if chunk + 1 < CHUNKS
  stage(lane, columns, now, $(chunk + 1)u, staged);
#else
  stage(lane, columns, next, 0u, staged);
#end
  scores = multiply(lane, now.kind * $(KEPT > 1), 0u, $(chunk)u, scores);
#end
  return scores;
}

/**
 * outputs + weights x columns of one kind. Weights are written before, without a barrier. `ready`: the product before
 * has left the columns, where there is one chunk.
 */
fn gather(lane: u32, columns: Lines, now: Stage, next: Stage, ready: bool, staged: ptr<function, Staged>, before: Outputs) -> Outputs {
  var outputs = before;
#for chunk in 0..CHUNKS
  workgroupBarrier();
  if (!(ready && ONE_CHUNK)) {
#if chunk + 1 < CHUNKS
    stage(lane, columns, now, $(chunk + 1)u, staged);
#else
    stage(lane, columns, next, 0u, staged);
#end
  }
  outputs = gather$(chunk)(lane, 1u, 0u, outputs);
#end
  return outputs;
}
