import { ConfigError, isPlain } from "@dilated/core";

const MOST = 20;

/**
 * Refuses what JSON does not give back as it was: functions, symbols, numbers that are not finite, instances of classes, cycles. Fields that are undefined are left out.
 *
 * @throws ConfigError that names each by its path.
 */
export function checkJson(caller: string, name: string, value: unknown): void {
  const problems: string[] = [];
  const visit = (item: unknown, path: string, within: readonly unknown[]): void => {
    if (problems.length >= MOST) return; // a list of 2^32 holes is one of as many problems
    if (item === null || typeof item === "string" || typeof item === "boolean" || Number.isFinite(item)) return;
    if (within.includes(item)) problems.push(`${path}: holds itself`);
    else if (Array.isArray(item))
      for (let i = 0; i < item.length && problems.length < MOST; i++)
        visit(item[i], `${path}[${i}]`, [...within, item]);
    else if (isPlain(item)) {
      for (const [key, entry] of Object.entries(item))
        if (entry !== undefined) visit(entry, `${path}.${key}`, [...within, item]);
    } else problems.push(`${path}: ${typeof item === "object" ? `a ${item?.constructor?.name}` : String(item)}`);
  };
  try {
    visit(value, name, []);
  } catch (cause) {
    // A getter or a Proxy throws what it likes.
    throw new ConfigError(`${caller}: ${name} cannot be read`, { cause, fix: "pass plain values" });
  }
  if (problems.length === 0) return;
  throw new ConfigError(`${caller}: ${name} must be JSON`, {
    details: problems,
    fix: "leave it out, or save it as text or numbers",
  });
}
