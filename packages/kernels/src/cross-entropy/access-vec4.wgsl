// Rows of V % 4 == 0 logits, four at a time. `at` counts elements; all four exist.
fn read4(at: u32, _left: u32) -> vec4f { return load_logits(at / 4u); }
fn read1(at: u32) -> f32 { return load_logits(at / 4u)[at % 4u]; }
