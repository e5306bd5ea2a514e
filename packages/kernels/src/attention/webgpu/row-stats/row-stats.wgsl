// What backward needs to know of each query row, side by side so that one binding serves: stats [B, N, H, width] = (lse
// in log2 units, delta_0, delta_1, ...), delta = rowsum(dout * out) - dlse. A launch writes one delta; the first one
// (component 0) the rest as well. Eight threads a row; a workgroup takes PASSES times as many rows as it has threads
// for, and leaves the largest |dout| and
// |dlse| that it saw in `peaks`, where that is asked for.

const TX = 8u;
const ROWS = THREADS / TX;
const LOG2_E = 1.4426950408889634;

var<workgroup> partial: array<f32, THREADS>;

/** The largest magnitude that was seen, as bits, which order as the numbers do, NaN above all. */
var<private> most: u32;

fn see(v: vec4f) {
  let bits = bitcast<vec4u>(v) & vec4u(0x7fffffffu);
  most = max(most, max(max(bits.x, bits.y), max(bits.z, bits.w)));
}

/** Writes what is known of a row; gives its |dlse|. */
fn write_stats(row: u32, sum: f32) -> f32 {
  let absolute = row + params.row_begin;
  let head = absolute % params.heads_q;
  let query = absolute / params.heads_q;
  let at = (query / params.queries * params.heads_q + head) * params.queries + query % params.queries - params.lse_base;
  var given = 0.0;
  if (HAS_DLSE) { given = load_dlse(at); }
  if (HAS_PLAN) { see(vec4f(sum - given, given, 0.0, 0.0)); }
  stats[row * params.stat_words + 1u + params.component] = sum - given;
  if (params.component == 0u) { stats[row * params.stat_words] = lse[at] * LOG2_E; }
  return abs(given);
}

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(workgroup);
  if (group >= params.group_count) { return; }
  var peak = 0.0;
  for (var turn = 0u; turn < PASSES; turn++) {
    let row = (group * PASSES + turn) * ROWS + lane / TX;
    var sum = 0.0;
    if (row >= params.first_row && row < params.rows) {
      for (var d = lane % TX; d < params.width4; d += TX) {
        let given = load_dout(row * params.width4 + d);
        sum += dot(given, load_out(row * params.width4 + d));
        if (HAS_PLAN) { see(given); }
        if (HAS_PEAKS) { peak = max(peak, max(max(abs(given.x), abs(given.y)), max(abs(given.z), abs(given.w)))); }
      }
    }
    workgroupBarrier();
    partial[lane] = sum;
    workgroupBarrier();
    if (row >= params.first_row && row < params.rows && lane % TX == 0u) {
      for (var x = 1u; x < TX; x++) { sum += partial[lane + x]; }
      peak = max(peak, write_stats(row, sum));
    }
  }
  if (HAS_PLAN && most >= params.limit) { plan[params.repair_at] = params.repair_call; }
  if (!HAS_PEAKS) { return; }
  workgroupBarrier();
  partial[lane] = peak;
  for (var half = THREADS / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { partial[lane] = max(partial[lane], partial[lane + half]); }
  }
  if (lane == 0u) { peaks[params.peak_begin + group] = partial[0]; }
}
