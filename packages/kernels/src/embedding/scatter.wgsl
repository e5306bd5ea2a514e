// sums[v] = sum of grad[t] over tokens t with ids[t] = v, in the order of t: no atomics, the same result every time.
// A workgroup owns `block` rows of the vocabulary and LANES columns, Values of four channels or of one, reads the ids
// of its slice of tokens, and adds the rows that are its own.
const IDS = 32u * LANES;

var<workgroup> local: array<u32, IDS>;
var<workgroup> hits: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  if (group >= params.group_count) { return; }
  let across = (params.columns + LANES - 1u) / LANES;
  let blocks = (params.rows + params.block - 1u) / params.block;
  let column = (group % across) * LANES + lane;
  let block = (group / across) % blocks;
  let slice = group / (across * blocks);
  let first = block * params.block;
  let owned = min(params.block, params.rows - first);
  let out = (slice * params.rows + first) * params.columns + column;
  let mine = column < params.columns;
  if (mine && params.accumulate == 0u) {
    for (var r = 0u; r < owned; r++) { store_sums(out + r * params.columns, Value()); }
  }

  var row = params.block; // the row whose sum is in a register; none yet
  var sum = Value();
  let end = min(params.tokens, (slice + 1u) * params.chunk);
  for (var t0 = slice * params.chunk; t0 < end; t0 += IDS) {
    workgroupBarrier();
    var found = 0u;
    for (var j = 0u; j < 8u; j++) {
      let t = t0 + lane * 32u + j * 4u;
      if (t >= end) { break; }
      let ids = vec4u(load_ids(t / 4u)) - vec4u(params.first_row + first);
      for (var k = 0u; k < 4u; k++) {
        if (t + k < end && ids[k] < owned) {
          found |= 1u << (j * 4u + k);
          local[lane * 32u + j * 4u + k] = ids[k];
        }
      }
    }
    hits[lane] = found;
    workgroupBarrier();
    for (var i = 0u; i < LANES; i++) {
      var left = hits[i];
      while (left != 0u) {
        let at = i * 32u + firstTrailingBit(left);
        left &= left - 1u;
        if (mine) {
          if (local[at] != row) {
            if (row < params.block) { store_sums(out + row * params.columns, sum); }
            row = local[at];
            sum = load_sums(out + row * params.columns);
          }
          sum += load_grad((t0 + at) * params.columns + column);
        }
      }
    }
  }
  if (mine && row < params.block) { store_sums(out + row * params.columns, sum); }
}
