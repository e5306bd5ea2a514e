// Gradient of the logits, four an invocation: (softmax - (1 - smoothing) onehot - smoothing / V) * scale * grad; 0 for ignored rows.
const MASKED = -3.4e38;
const LOG2E = 1.4426950408889634;

@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  if (group >= params.group_count || i >= params.quads) { return; }
  let across = (params.vocab + 3u) / 4u;
  let row = i / across;
  let c = (i % across) * 4u;
  let at = row * params.vocab + c;
  let left = params.vocab - c;
  let target_id = i32(load_targets(row));
  var d = vec4f();
  if (target_id != params.ignored) {
    let hot = select(vec4f(), vec4f(1.0 - params.smoothing), vec4u(c, c + 1u, c + 2u, c + 3u) == vec4u(u32(target_id)));
    let p = exp2(((read4(at, left) - load_lse(2u * row)) - load_lse(2u * row + 1u)) * LOG2E);
    var upstream = load_scale(0u);
    if (HAS_GRAD) { upstream *= load_grad(row * params.grad_stride); }
    d = (p - hot - params.smoothing / f32(params.vocab)) * upstream;
  }
  write4(at, left, d);
}
