// Matrices whose inner axes are multiples of four: element index `at` is one too, and all four elements exist.
fn get_a(at: u32, _left: u32) -> vec4f { return load_a(at / 4u); }
fn get_b(at: u32, _left: u32) -> vec4f { return load_b(at / 4u); }
fn get_c(at: u32, _left: u32) -> vec4f { return load_c(at / 4u); }
fn get_bias(at: u32, _left: u32) -> vec4f { return load_bias(at / 4u); }
fn put_c(at: u32, _left: u32, v: vec4f) { store_c(at / 4u, v); }
