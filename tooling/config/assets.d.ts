/** WGSL sources are inlined as text, by tsup and by vitest alike. */
declare module "*.wgsl" {
  const source: string;
  export default source;
}

/** WebAssembly modules are inlined as bytes. */
declare module "*.wasm" {
  const bytes: Uint8Array<ArrayBuffer>;
  export default bytes;
}
