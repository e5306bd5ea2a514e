// y[to + Σ c·to_d] = x[from + Σ c·from_d] for every place c of a grid of RANK axes, axis 0 the innermost.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  var rest = group * LANES + lane;
  if (group >= params.group_count || rest >= params.count) { return; }
  var x_at = params.from_first;
  var y_at = params.to_first;
#for d in 0..RANK - 1
  x_at += rest % params.n$(d) * params.from$(d);
  y_at += rest % params.n$(d) * params.to$(d);
  rest /= params.n$(d);
#end
  store_y(y_at + rest * params.to$(RANK - 1), load_x(x_at + rest * params.from$(RANK - 1)));
}
