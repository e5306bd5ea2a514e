import source from "./philox.wgsl";

/** WGSL text of `fn philox4x32(counter: vec4u, seed: vec2u) -> vec4u`, to put in front of a kernel's body. */
export const philoxWgsl: string = source;
