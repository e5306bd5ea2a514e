// What backward needs to know of each query row, side by side so that one binding serves: stats [B, N, H, width] =
// (lse in log2 units, 1 where the token's key counts, delta_0, delta_1, ...), delta = rowsum(dout * out) - dlse. A launch writes one delta; the first one
// (component 0) the rest as well. Eight threads a row.

const TX = 8u;
const ROWS = 8u;
const LOG2_E = 1.4426950408889634;

var<workgroup> partial: array<f32, 64>;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(workgroup);
  if (group >= params.group_count) { return; }
  let row = group * ROWS + lane / TX;
  var sum = 0.0;
  if (row < params.rows) {
    for (var d = lane % TX; d < params.width4; d += TX) { sum += dot(load_dout(row * params.width4 + d), load_out(row * params.width4 + d)); }
  }
  partial[lane] = sum;
  workgroupBarrier();
  if (row >= params.rows || lane % TX != 0u) { return; }
  for (var x = 1u; x < TX; x++) { sum += partial[lane + x]; }
  let absolute = row + params.row_begin;
  let head = absolute % params.heads_q;
  let token = absolute / params.heads_q;
  let at = (token / params.tokens * params.heads_q + head) * params.tokens + token % params.tokens;
  if (HAS_DLSE) { sum -= load_dlse(at); }
  stats[row * params.stat_words + 2u + params.component] = sum;
  if (params.component != 0u) { return; }
  stats[row * params.stat_words] = lse[at] * LOG2_E;
  var counts = 1.0;
  if (HAS_MASK) { counts = select(0.0, 1.0, load_mask(token) != 0u); }
  stats[row * params.stat_words + 1u] = counts;
}
