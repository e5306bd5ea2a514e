// shares[b, n] = 1 / (tokens of sample b that count) where token n counts, else 0; `missing` where none does. One
// workgroup a sample.
var<workgroup> counts: array<u32, LANES>;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let b = group_index(w);
  if (b >= params.group_count) { return; }
  let row = b * params.length;
  var own = 0u;
  for (var n = lane; n < params.length; n += LANES) { own += select(0u, 1u, load_mask(row + n) != 0u); }
  counts[lane] = own;
  for (var half = LANES / 2u; half > 0u; half /= 2u) {
    workgroupBarrier();
    if (lane < half) { counts[lane] += counts[lane + half]; }
  }
  workgroupBarrier();
  let count = counts[0];
  for (var n = lane; n < params.length; n += LANES) {
    var share = params.missing;
    if (count > 0u) { share = select(0.0, 1.0 / f32(count), load_mask(row + n) != 0u); }
    store_shares(row + n, share);
  }
}
