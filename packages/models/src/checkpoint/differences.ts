/** One line for each field in which two JSON values differ, by its path: `branches[1].segment: saved 1024, now 2048`. */
export function differences(saved: unknown, now: unknown, path: string): string[] {
  if (isObject(saved) && isObject(now)) {
    const keys = Object.keys({ ...saved, ...now });
    return keys.flatMap((key) => differences(saved[key], now[key], path ? `${path}.${key}` : key));
  }
  if (Array.isArray(saved) && Array.isArray(now) && saved.length === now.length) {
    return saved.flatMap((item, i) => differences(item, now[i], `${path}[${i}]`));
  }
  const [before, after] = [show(saved), show(now)];
  return before === after ? [] : [`${path || "config"}: saved ${before}, now ${after}`];
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function show(value: unknown): string {
  return value === undefined ? "nothing" : JSON.stringify(value);
}
