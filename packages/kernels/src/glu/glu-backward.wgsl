// dvalue = dy·f(gate), dgate = dy·value·f'(gate); either may be left out.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let gate = load_gate(i);
  let dy = load_dy(i);
  if (HAS_DVALUE) { store_dvalue(i, dy * curve4(params.op, gate, 1.0)); }
  if (HAS_DGATE) { store_dgate(i, dy * load_value(i) * slope4(params.op, gate, 1.0)); }
}
