// Looks at every element of q, k and v once.

const THREADS = 256u;

fn magnitude_q(i: u32) -> vec4u { return magnitude(load_q(i)); }

fn magnitude_k(i: u32) -> vec4u { return magnitude(load_k(i)); }

fn magnitude_v(i: u32) -> vec4u { return magnitude(load_v(i)); }

@compute @workgroup_size(THREADS)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(workgroup);
  if (group >= params.group_count) { return; }
  look(group * THREADS + lane, params.look_groups * THREADS);
}
