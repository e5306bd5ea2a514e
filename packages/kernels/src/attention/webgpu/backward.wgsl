// What the two backward kernels share. With P = exp(s - lse) of the joint softmax: dS = P * (factor * dout·v - delta),
// dV = P * factor * dout.

/** The exact gradient has one delta a row; the detached one a delta for each part. */
fn delta_word() -> u32 {
  return 1u + select(0u, run.part, params.stat_words > 2u);
}

/** Whether a key counts; the mask lies behind the plan. */
fn key_counts(place: u32) -> bool {
  return params.mask_at == 0u || plan[params.mask_at + mask_at(place)] != 0u;
}
