// Merges (out_b, lse_b) into (out, lse): out -= sigmoid(lse_b - lse) * (out - out_b). Eight threads a row; out [B, N, H, D], lse [B, H, N].

const TX = 8u;
const ROWS = 8u;
/** Below it, an lse stands for minus infinity: the row holds nothing. */
const EMPTY_BOUND = -5e29;

@compute @workgroup_size(64)
fn main(@builtin(workgroup_id) workgroup: vec3u, @builtin(local_invocation_index) lane: u32) {
  let group = group_index(workgroup);
  if (group >= params.group_count) { return; }
  let row = group * ROWS + lane / TX;
  let width4 = params.width / 4u;
  let live = row < params.rows;
  let absolute = min(row, params.rows - 1u) + params.row_begin;
  let token = absolute / params.heads;
  let at = (token / params.tokens * params.heads + absolute % params.heads) * params.tokens + token % params.tokens;
  let a = lse[at];
  let b = lse_b[at];
  // Finite on purpose: -1e30 against -1e30 gives one half, of two rows of zeros.
  let weight = select(select(1.0 / (1.0 + exp(clamp(a - b, -80.0, 80.0))), 1.0, a <= EMPTY_BOUND), 0.0, b <= EMPTY_BOUND);
  if (live && weight > 0.0) {
    for (var d = lane % TX; d < width4; d += TX) {
      let i = row * width4 + d;
      store_out(i, mix(load_out(i), load_out_b(i), weight));
    }
  }
  // Every thread of the row has read lse before one writes it.
  workgroupBarrier();
  if (!live || lane % TX != 0u || b <= EMPTY_BOUND) { return; }
  lse[at] = select(max(a, b) + log(1.0 + exp(-abs(a - b))), b, a <= EMPTY_BOUND);
}
