/** WGSL sources are inlined as text, by tsup and by vitest alike. */
declare module "*.wgsl" {
  const source: string;
  export default source;
}

/** WebAssembly modules are inlined deflated, in base64; see `packWasm`. */
declare module "*.wasm" {
  const packed: string;
  export default packed;
}
