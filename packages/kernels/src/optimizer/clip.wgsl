// scale = min(1, most / norm), and 0 for a norm that is not finite (told by its bits: comparisons with NaN may be optimised away).
@compute @workgroup_size(1)
fn main(@builtin(workgroup_id) w: vec3u) {
  if (group_index(w) >= params.group_count) { return; }
  let norm = load_norm(0u);
  let finite = (bitcast<u32>(norm) & 0x7f800000u) != 0x7f800000u;
  store_scale(0u, select(0.0, min(1.0, params.most / max(norm, 1e-37)), finite));
}
