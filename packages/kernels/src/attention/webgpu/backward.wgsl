// What the two backward kernels share. With P = exp(scale·q·k - lse) of the joint softmax: dS = P * (factor * dout·v - delta), dV = P * factor * dout.

fn query_at(head: u32, token: u32) -> u32 {
  return (tile.batch * params.tokens + token - params.row_base) * params.heads_q + head;
}

fn key_at(head: u32, token: u32) -> u32 {
  return (tile.batch * params.tokens + token - params.row_base) * params.heads_kv + head;
}

fn query_group() -> u32 {
  return params.heads_q / params.heads_kv;
}

/** The exact gradient has one delta a row; the detached one a delta for each branch. */
fn delta_word() -> u32 {
  return 2u + select(0u, run.index, params.stat_words > 3u);
}

/** Whether the key counts; any head's entry says so. */
fn key_counts(token: u32) -> bool {
  return stats[query_at(0u, token) * params.stat_words + 1u] != 0.0;
}
