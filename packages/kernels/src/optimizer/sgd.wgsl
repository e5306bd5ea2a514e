// One step of stochastic gradient descent, four elements an invocation, in place; PyTorch's order: decay, momentum, Nesterov, update.
// A gradient scale of 0 says that the gradients overflowed (clipScale): the step is skipped and nothing changes.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  var scale = 1.0;
  if (HAS_SCALE) { scale = load_scale(0u); }
  var p = load_param(i);
  if (scale != 0.0) {
    var g = load_grad(i) * scale + p * params.decay;
    if (HAS_VELOCITY) {
      let v = load_velocity(i) * params.momentum + g;
      store_velocity(i, v);
      g = select(v, g + v * params.momentum, params.nesterov != 0u);
    }
    p -= g * params.rate;
    store_param(i, p);
  }
  if (HAS_COPY) { store_copy(i, p); }
}
