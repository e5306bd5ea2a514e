// Merges (out_b, lse_b) into (out, lse): out -= sigmoid(lse_b - lse) * (out - out_b). Eight threads a row; out [B, N,
// H, D], lse [B, H, N].

const TX = 8u;
const ROWS = 8u;
/** Below it, an lse stands for minus infinity: the row holds nothing. */
const EMPTY_BOUND = -5e29;
/**
 * NaN as lse: a row whose keys all have a score of minus infinity. Keys of another part make it one that they alone
 * count in.
 */
const UNSCORED = 0x7fc01ae5u;

/** Whether an lse is that of a row with keys. Compilers may take it that there is no NaN: its bits tell. */
fn holds(lse: f32) -> bool {
  return (lse > EMPTY_BOUND || (bitcast<u32>(lse) & 0x7fffffffu) > 0x7f800000u) && bitcast<u32>(lse) != UNSCORED;
}

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
  // Where A holds nothing, what B holds, or its NaN.
  let whole = !holds(a) && (holds(b) || bitcast<u32>(b) == UNSCORED);
  let both = holds(a) && holds(b);
  let weight = 1.0 / (1.0 + exp(clamp(a - b, -80.0, 80.0)));
  if (live && (whole || both)) {
    for (var d = lane % TX; d < width4; d += TX) {
      let i = row * width4 + d;
      if (whole) { store_out(i, load_out_b(i)); }
      else { store_out(i, mix(load_out(i), load_out_b(i), weight)); }
    }
  }
  // Every thread of the row has read lse before one writes it.
  workgroupBarrier();
  if (!live || lane % TX != 0u || !(whole || both)) { return; }
  lse[at] = select(max(a, b) + log(1.0 + exp(-abs(a - b))), b, whole);
}
