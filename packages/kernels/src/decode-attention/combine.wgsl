// out [B·H, D] from parts [B·H, splits, D] and their (maximum, sum) pairs; a head that saw no key gives 0.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) g: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(g);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let first = (i / params.columns) * params.splits;
  var most = -1e30;
  var unscored = false;
  for (var split = 0u; split < params.splits; split++) {
    let highest = load_stats(2u * (first + split));
    most = max(most, highest);
    unscored = unscored || highest < -1.5e30;
  }
  var total = 0.0;
  var sum = vec4f();
  for (var split = 0u; split < params.splits; split++) {
    let weight = exp2(load_stats(2u * (first + split)) - most);
    total += weight * load_stats(2u * (first + split) + 1u);
    sum += weight * load_parts((first + split) * params.columns + i % params.columns);
  }
  if (total == 0.0 && unscored) { total = bitcast<f32>(0x7fc00000u | (group & 0u)); }
  store_out(i, select(vec4f(), sum * (params.out_scale / total), total != 0.0));
}
