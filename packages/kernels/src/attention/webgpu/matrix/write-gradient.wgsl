// Eight elements of a gradient, added to what it holds where the launch accumulates. GRADIENT stands for its name.
fn write_GRADIENT(at: u32, a: vec4f, b: vec4f) {
#if F32_STATE
  GRADIENT[2u * at] = bitcast<vec4u>(a + select(vec4f(), bitcast<vec4f>(GRADIENT[2u * at]), params.accumulate != 0u));
  GRADIENT[2u * at + 1u] = bitcast<vec4u>(
    b + select(vec4f(), bitcast<vec4f>(GRADIENT[2u * at + 1u]), params.accumulate != 0u),
  );
#else
  if (params.accumulate == 0u) { GRADIENT[at] = pack(a, b); }
  else { GRADIENT[at] = pack(a + low(GRADIENT[at]), b + high(GRADIENT[at])); }
#end
}
