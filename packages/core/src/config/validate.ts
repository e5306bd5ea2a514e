import { ConfigError, DilatedError } from "../errors/index.ts";
import { checkObject, fits, type Schema, unknownFields, type Values } from "./fields.ts";
import { nearestNames } from "./nearest.ts";
import { isPlain } from "./plain.ts";

/**
 * Checks options or a configuration against a schema, and fills in defaults. Unknown keys are errors: a misspelt option must not pass silently.
 *
 * @param caller - the function that the message names
 * @returns a new object with every field of the schema
 * @throws ConfigError that lists every bad field: path, value, what is allowed; for an unknown one the nearest known names.
 * @example
 * ```ts
 * import { checkConfig, field } from "@dilated/core";
 * const schema = { heads: field.positiveInteger(), dropout: field.withDefault(field.fraction(), 0) };
 * checkConfig("attention", schema, { heads: 8 }); // { heads: 8, dropout: 0 }
 * ```
 */
export function checkConfig<S extends Schema>(caller: string, schema: S, given: unknown): Values<S> {
  const problems: string[] = [];
  const values = reading(caller, "its options", () => checkObject(schema, given, "", problems));
  if (values === undefined || problems.length > 0) throw wrongFields(caller, schema, given, problems);
  return values;
}

/**
 * Checks the options of an operation against a schema, as {@link checkConfig} does, without making anything where they are right: cheap enough for what is called
 * thousands of times a second. The function takes its defaults itself.
 *
 * @throws ConfigError as {@link checkConfig} does.
 */
export function checkOptions(caller: string, schema: Schema, given: unknown): void {
  reading(caller, "its options", () => {
    if (!fits(schema, given)) checkConfig(caller, schema, given);
  });
}

/** An object may be a Proxy or have getters, whose errors are no errors of ours. */
export function reading<T>(caller: string, name: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    throw unreadable(caller, name, error);
  }
}

/** An error of ours as it is; any other as the cause of one. */
export function unreadable(caller: string, name: string, cause: unknown): DilatedError {
  if (DilatedError.is(cause)) return cause;
  return new ConfigError(`${caller}: ${name} cannot be read`, { cause, fix: "pass plain values" });
}

function wrongFields(caller: string, schema: Schema, given: unknown, problems: readonly string[]): ConfigError {
  if (!isPlain(given)) {
    const example = Object.keys(schema).slice(0, 4).join(", ");
    return new ConfigError(`${caller}: options must be an object`, { details: problems, fix: `pass { ${example} }` });
  }
  const unknown = unknownFields(schema, given);
  if (unknown.length < problems.length) {
    const count = problems.length === 1 ? "one field is" : `${problems.length} fields are`;
    return new ConfigError(`${caller}: ${count} wrong`, {
      details: problems,
      fix: "correct or remove the fields above",
    });
  }
  const known = Object.keys(schema);
  const renames = unknown.map((name) => [name, nearestNames(name, known)] as const);
  return new ConfigError(`${caller}: unknown option${unknown.length === 1 ? "" : "s"} ${unknown.join(", ")}`, {
    details: problems,
    fix: renames.every(([, names]) => names.length > 0)
      ? renames.map(([name, names]) => `write ${names.join(" or ")} in place of ${name}`).join("; ")
      : "remove or rename what is unknown",
  });
}
