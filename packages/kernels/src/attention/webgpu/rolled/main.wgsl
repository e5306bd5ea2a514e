// A launch that repairs is idle, as a rule: it has few workgroups, which then take the tiles in turns.

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let first = group_index(workgroup);
  if (first >= params.group_count || is_idle()) { return; }
  for (var group = first; group < params.tile_groups; group += params.turn) {
    workgroupBarrier();
    attend(group, lane);
  }
}
