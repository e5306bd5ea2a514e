import type { Model } from "../registry.ts";

/** Is the output projection the embedding? A state dict then holds it twice. */
export function isTied(model: Model): boolean {
  if (model.kind === "longnet-lm" || model.kind === "longnet-decoder") return model.config.tied;
  if (model.kind === "longnet") return model.config.decoder.tied;
  return model.kind === "longnet-encoder" && model.config.output === "tied";
}
