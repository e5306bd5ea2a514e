import { parseArgs } from "node:util";
import { ConfigError, type OpenDeviceOptions } from "@dilated/core";

export interface ParityOptions {
  readonly files: readonly string[];
  readonly backend: NonNullable<OpenDeviceOptions["backend"]>;
  readonly dtype: "f32" | "f16";
}

const BACKENDS = ["auto", "wasm", "webgpu"] as const;
const DTYPES = ["f32", "f16"] as const;

/** @throws ConfigError for unknown flags and values, and when no file is named. */
export function parseParity(args: readonly string[]): ParityOptions {
  const { values, positionals } = parse(args);
  const backend = BACKENDS.find((known) => known === (values.backend ?? "auto"));
  const dtype = DTYPES.find((known) => known === (values.dtype ?? "f32"));
  const details = [
    ...(backend ? [] : [`--backend ${values.backend}: known are ${BACKENDS.join(", ")}`]),
    ...(dtype ? [] : [`--dtype ${values.dtype}: known are ${DTYPES.join(", ")}`]),
    ...(positionals.length > 0 ? [] : ["no golden file was named"]),
  ];
  if (!backend || !dtype || details.length > 0) {
    throw new ConfigError("parity: the options are not valid", {
      details,
      fix: "npm run parity -- FILE... [--backend wasm|webgpu|auto] [--dtype f32|f16]",
    });
  }
  return { files: positionals, backend, dtype };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({
      args: [...args],
      allowPositionals: true,
      options: { backend: { type: "string" }, dtype: { type: "string" } },
    });
  } catch (cause) {
    throw new ConfigError(`parity: ${cause instanceof Error ? cause.message : String(cause)}`, { cause });
  }
}
