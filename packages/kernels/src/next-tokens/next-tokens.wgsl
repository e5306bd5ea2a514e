// targets[b, n] = labels[b, n + 1], or IGNORED where the next token starts another document, or where either of the
// two is padding.
// One invocation a target. A mask may stop one token short of the labels: the last token then counts where the one
// before it does.
@compute @workgroup_size(LANES)
fn main(@builtin(workgroup_id) w: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(w);
  let i = group * LANES + lane;
  let n = i % params.length;
  let b = i / params.length;
  if (group >= params.group_count || b >= params.rows) { return; }
  var label = i32(load_labels(b * (params.length + 1u) + n + 1u));
  if (label == params.foreign) { label = params.ignored; }
  if (HAS_STARTS) { if (load_starts(n + 1u) != 0u) { label = params.ignored; } }
  if (HAS_MASK) {
    let row = b * params.masked;
    if (load_mask(row + n) == 0u || load_mask(row + min(n + 1u, params.masked - 1u)) == 0u) { label = params.ignored; }
  }
  store_targets(i, label);
}
