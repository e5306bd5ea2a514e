// One query q [B, H, D] against the rows of its head's streams, an online softmax over tiles of LANES rows. A workgroup does one head of one
// sequence, or its share of the rows (`splits`). For scores a lane owns a row, for values four channels of every PARTS-th row.
const PARTS: u32 = LANES / QUADS;
const LOWEST: f32 = -1e30;
/** As maximum: keys that all have a score of minus infinity. */
const UNSCORED: f32 = -2e30;

var<workgroup> query: array<vec4f, QUADS>;
var<workgroup> weights: array<f32, LANES>;
var<workgroup> sums: array<vec4f, LANES>;

// First word of the i-th stream of head h, or 0xffffffff.
fn stream_at(h: u32, i: u32) -> u32 {
  let stream = plan[params.streams * 6u + h * params.branches + i];
  return select(stream * 6u, 0xffffffffu, stream == 0xffffffffu);
}

// Rows that the token at position t sees there: none unless it takes part.
fn visible(at: u32, t: u32) -> u32 {
  if (at == 0xffffffffu) { return 0u; }
  let within = t % plan[at];
  let r = plan[at + 1u];
  let s = plan[at + 2u];
  return select(0u, min((within - s) / r + 1u, plan[at + 5u]), within % r == s);
}

// q·k for the key at `row`, of which `distance` is how far behind the query the middle of its block lies.
fn score(row: u32, distance: f32) -> f32 {
  var total = vec4f();
  for (var quad = 0u; quad < QUADS; quad++) {
    var x = query[quad];
    if (HAS_DECAY) { x *= exp2(distance * vec2f(load_decay(2u * quad), load_decay(2u * quad + 1u))).xxyy; }
    total += x * load_keys(row + quad);
  }
  return dot(total, vec4f(1.0));
}

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(g);
  if (group >= params.group_count) { return; }
  let split = group % params.splits;
  let bh = group / params.splits;
  let b = bh / params.heads;
  let h = bh % params.heads;
  let t = u32(load_positions(b));
  if (lane < QUADS) { query[lane] = load_q(bh * QUADS + lane) * params.scale; }
  workgroupBarrier();

  var count = 0u;
  for (var i = 0u; i < params.branches; i++) { count += visible(stream_at(h, i), t); }
  let tiles = (count + LANES - 1u) / LANES;
  let share = ((tiles + params.splits - 1u) / params.splits) * LANES;
  let low = min(count, split * share);
  let high = min(count, low + share);

  let quad = lane % QUADS;
  let part = lane / QUADS;
  var most = LOWEST;
  var total = 0.0;
  var sum = vec4f();
  var before = 0u; // rows of earlier branches
  var visited = false;
  for (var i = 0u; i < params.branches; i++) {
    let at = stream_at(h, i);
    let rows = visible(at, t);
    // Rows of the cache that are bound: all of them, but where they are longer than a binding.
    let first = b * params.rows + plan[at + 4u];
    let lowest = select(0u, params.row_begin - first, params.row_begin > first);
    let behind = select(0u, params.row_end - first, params.row_end > first);
    let begin = max(clamp(low, before, before + rows) - before, lowest);
    let end = min(clamp(high, before, before + rows) - before, behind);
    before += rows;
    visited = visited || begin < end;
    for (var tile = begin; tile < end; tile += LANES) {
      let row = tile + lane;
      let base = (first - params.row_begin) * QUADS; // may wrap, and a row's place wraps back
      var s = LOWEST;
      if (row < end) {
        let token = t - t % plan[at] + plan[at + 2u] + row * plan[at + 1u];
        let middle = token - token % params.block + params.block / 2u;
        s = score(base + row * QUADS, f32(i32(t) - i32(middle)));
      }
      let highest = max(most, max_lanes(lane, s));
      let weight = select(0.0, exp2(s - highest), row < end);
      weights[lane] = weight;
      let weightSum = sum_lanes(lane, vec2f(weight, 0.0)).x; // its barriers also publish the weights
      let older = exp2(most - highest);
      total = total * older + weightSum;
      sum *= older;
      most = highest;
      if (part < PARTS) {
        for (var k = part; k < min(LANES, end - tile); k += PARTS) {
          sum += weights[k] * load_values(base + (tile + k) * QUADS + quad);
        }
      }
    }
  }

  sums[lane] = sum;
  workgroupBarrier();
  if (lane >= QUADS) { return; }
  var all = vec4f();
  for (var k = 0u; k < PARTS; k++) { all += sums[k * QUADS + lane]; }
  if (HAS_STATS) {
    if (lane == 0u) {
      store_stats(2u * group, select(most, UNSCORED, total == 0.0 && visited));
      store_stats(2u * group + 1u, total);
    }
    store_out(group * QUADS + lane, all);
  } else {
    // Keys without any weight have scores that are not finite: NaN tells.
    let sum = select(total, bitcast<f32>(0x7fc00000u | (group & 0u)), total == 0.0);
    store_out(group * QUADS + lane, select(vec4f(), all * (params.out_scale / sum), count > 0u));
  }
}
