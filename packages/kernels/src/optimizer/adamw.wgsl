// One AdamW step, four elements an invocation, in place: decoupled weight decay, moments, then the corrected update.
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
    let g = load_grad(i) * scale;
    let m = load_m(i) * params.beta1 + g * params.fresh1;
    let v = load_v(i) * params.beta2 + g * g * params.fresh2;
    p = p * params.keep - params.rate * m / (sqrt(v) * params.root + params.eps);
    store_param(i, p);
    store_m(i, m);
    store_v(i, v);
  }
  if (HAS_COPY) { store_copy(i, p); }
}
