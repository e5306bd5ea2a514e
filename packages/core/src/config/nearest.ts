// Which known name was meant by an unknown one. Only runs on the way to an error.

/** Most names that are offered for one unknown name. */
const MOST = 3;
/** A distance above this share of the longer name is no slip of the keyboard. */
const SLIP = 1 / 3;

/**
 * The known names that are closest to `given`, best first, or none where nothing is close: other spellings (`weight_decay`, `cuSeqLens`), slips, initials
 * (`learningRate` for `lr`), beginnings (`epsilon` for `eps`), and names that share words (`attentionMask` for `keyMask`).
 */
export function nearestNames(given: string, known: readonly string[]): string[] {
  const scored = known.map((name) => ({ name, score: scoreOf(given, name) }));
  const best = Math.min(...scored.map(({ score }) => score));
  return best === Number.POSITIVE_INFINITY
    ? []
    : scored.flatMap(({ name, score }) => (score === best ? name : [])).slice(0, MOST);
}

/** 0 for another spelling; infinite for names that have nothing in common. */
function scoreOf(given: string, name: string): number {
  const [a, b] = [wordsOf(given), wordsOf(name)];
  const [x, y] = [a.join(""), b.join("")];
  if (x === y) return 0;
  if (initials(a) === y || initials(b) === x) return 1;
  const [short, long] = x.length < y.length ? [x, y] : [y, x];
  const slips = distance(x, y);
  if (slips === 1 && long.length > 2) return 2;
  if (short.length > 2 && long.startsWith(short)) return 3;
  if (slips <= long.length * SLIP) return 2 + slips;
  const shared = a.filter((word) => b.includes(word)).length;
  return shared > 0 ? 100 - shared : Number.POSITIVE_INFINITY;
}

/** The words of `camelCase`, `snake_case` and `kebab-case`, in lower case. */
function wordsOf(name: string): string[] {
  const parts = name.slice(0, 60).match(/[A-Z]?[a-z]+|[A-Z]+(?![a-z])|\d+/g) ?? [];
  return parts.map((word) => word.toLowerCase());
}

function initials(words: readonly string[]): string | undefined {
  return words.length > 1 ? words.map((word) => word[0]).join("") : undefined;
}

/** Insertions, deletions, replacements and swaps of neighbours that lead from one text to the other. */
function distance(a: string, b: string): number {
  let [before, last] = [[] as number[], Array.from({ length: b.length + 1 }, (_, j) => j)];
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const same = a[i - 1] === b[j - 1] ? 0 : 1;
      let least = Math.min((last[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (last[j - 1] ?? 0) + same);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        least = Math.min(least, (before[j - 2] ?? 0) + 1);
      row.push(least);
    }
    [before, last] = [last, row];
  }
  return last[b.length] ?? 0;
}
