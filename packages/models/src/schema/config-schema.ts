import { ConfigError, checkCall, field, type JsonSchema, type Schema } from "@dilated/core";
import { ATTENTION_SCHEMAS, type AttentionKind } from "../attention/config.ts";
import { decoderSchema } from "../longnet/decoder.config.ts";
import { encoderSchema } from "../longnet/encoder.config.ts";
import { longnetSchema } from "../longnet/longnet.config.ts";
import { vitSchema } from "../longnet-vit/config.ts";
import type { ModelKind } from "../registry.ts";

const SCHEMAS: Readonly<Record<ModelKind | AttentionKind, Schema>> = {
  "longnet-lm": decoderSchema("xpos"),
  "longnet-decoder": decoderSchema("none"),
  "longnet-encoder": encoderSchema,
  longnet: longnetSchema,
  "longnet-vit": vitSchema,
  ...ATTENTION_SCHEMAS,
};

/**
 * JSON Schema (2020-12) of a kind's configuration, `kind`, `preset` and `seed` apart: what each field may be, which must be there, and defaults. It is made from the
 * definitions that `createModel` and `createAttention` check with. What fields must be together (heads divide dim, ...) only these say.
 *
 * @throws ConfigError for unknown kinds; it lists the known ones.
 * @example
 * ```ts
 * import { configSchema } from "@dilated/models";
 * console.log(JSON.stringify(configSchema("longnet-lm"), null, 2)); // for an editor, a form, or a validator
 * ```
 */
export function configSchema(kind: ModelKind | AttentionKind): JsonSchema {
  checkCall("configSchema", { kind: field.string() }, arguments);
  if (!Object.hasOwn(SCHEMAS, kind)) {
    throw new ConfigError(`configSchema: unknown kind ${String(kind)}`, {
      details: [`known: ${Object.keys(SCHEMAS).join(", ")}`],
      fix: "use a known kind",
    });
  }
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: kind,
    ...field.jsonSchema(SCHEMAS[kind]),
  };
}
