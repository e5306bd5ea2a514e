import { ConfigError } from "../errors/index.ts";
import { checkObject, type Schema, type Values } from "./fields.ts";

/**
 * Checks options or a configuration against a schema, and fills in defaults. Unknown keys are errors: a misspelt option must not pass silently.
 *
 * @param caller - the function that the message names
 * @returns a new object with every field of the schema
 * @throws ConfigError that lists every bad field: path, value, what is allowed.
 * @example
 * ```ts
 * import { checkConfig, field } from "@dilated/core";
 * const schema = { heads: field.positiveInteger(), dropout: field.withDefault(field.fraction(), 0) };
 * checkConfig("attention", schema, { heads: 8 }); // { heads: 8, dropout: 0 }
 * ```
 */
export function checkConfig<S extends Schema>(caller: string, schema: S, given: unknown): Values<S> {
  const problems: string[] = [];
  const values = checkObject(schema, given, "", problems);
  if (values === undefined || problems.length > 0) {
    const count = problems.length === 1 ? "one field is" : `${problems.length} fields are`;
    throw new ConfigError(`${caller}: ${count} wrong`, {
      details: problems,
      fix: "correct or remove the fields above",
    });
  }
  return values;
}
