// Written by `npx vitest run --project unit packages/kernels/src/wasm --update` from the kernels' definitions: not to be edited.

/** Kernel `attention_forward`. */
@unmanaged
export class AttentionForwardWords {
  q: usize;
  k: usize;
  v: usize;
  out: usize;
  lse: usize;
  mask: usize;
  headPatterns: usize;
  chunks: usize;
  runs: usize;
  lists: usize;
  queries: i32;
  keys: i32;
  headsQ: i32;
  headsKv: i32;
  width: i32;
  valueWidth: i32;
  patternCount: i32;
  headBegin: i32;
  headEnd: i32;
  low: i32;
  high: i32;
  chunkCount: i32;
  threshold: i32;
  seedLow: i32;
  seedHigh: i32;
  dropoutDomain: i32;
  scale: f32;
  keepScale: f32;
  softcap: f32;
}

/** Kernel `attention_backward`. */
@unmanaged
export class AttentionBackwardWords {
  q: usize;
  k: usize;
  v: usize;
  dout: usize;
  lse: usize;
  delta: usize;
  dq: usize;
  dk: usize;
  dv: usize;
  mask: usize;
  headPatterns: usize;
  blocks: usize;
  lists: usize;
  queries: i32;
  keys: i32;
  headsQ: i32;
  headsKv: i32;
  width: i32;
  valueWidth: i32;
  patternCount: i32;
  headBegin: i32;
  headEnd: i32;
  low: i32;
  high: i32;
  blockCount: i32;
  threshold: i32;
  seedLow: i32;
  seedHigh: i32;
  dropoutDomain: i32;
  scale: f32;
  keepScale: f32;
  softcap: f32;
}

/** Kernel `attention_row_dot`. */
@unmanaged
export class AttentionRowDotWords {
  out: usize;
  dout: usize;
  delta: usize;
  batch: i32;
  queries: i32;
  headsQ: i32;
  width: i32;
  itemTokens: i32;
}

/** Kernel `attention_merge`. */
@unmanaged
export class LseMergeWords {
  out: usize;
  lse: usize;
  outB: usize;
  lseB: usize;
  batch: i32;
  tokens: i32;
  heads: i32;
  width: i32;
  itemTokens: i32;
  rows: i32;
  rowBegin: i32;
}

/** An entry of a table of the CPU's kernels; see CPU_WORDS. */
@unmanaged
export class RunWords {
  place: i32;
  count: i32;
  pitch: i32;
  position: i32;
  step: i32;
}

/** An entry of a table of the CPU's kernels; see CPU_WORDS. */
@unmanaged
export class ChunkWords {
  place: i32;
  count: i32;
  pitch: i32;
  position: i32;
  step: i32;
  runBegin: i32;
  runEnd: i32;
  zeros: i32;
}
