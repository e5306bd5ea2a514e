/** `names` with the one that was most likely meant in front of the others. */
export function unknownName(what: string, given: string, names: readonly string[], before = ""): string {
  const [nearest] = [...names].sort((a, b) => distance(given, a) - distance(given, b));
  const meant = nearest !== undefined && distance(given, nearest) <= 1 + given.length / 3;
  const known = names.map((name) => before + name).join(", ");
  return `${what} ${before}${given} is not known${meant ? `; did you mean ${before}${nearest}?` : "."} Known are ${known}`;
}

/** Edits, of one character each, that turn `a` into `b` (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, j) => j);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
