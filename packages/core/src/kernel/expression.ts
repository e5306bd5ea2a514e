/** Values by name. */
export type Names = Readonly<Record<string, number | boolean>>;

type Operator = (a: number, b: number) => number;

const LEVELS: readonly Readonly<Record<string, Operator>>[] = [
  { "||": (a, b) => Number(a !== 0 || b !== 0) },
  { "&&": (a, b) => Number(a !== 0 && b !== 0) },
  { "==": (a, b) => Number(a === b), "!=": (a, b) => Number(a !== b) },
  {
    "<": (a, b) => Number(a < b),
    ">": (a, b) => Number(a > b),
    "<=": (a, b) => Number(a <= b),
    ">=": (a, b) => Number(a >= b),
  },
  { "+": (a, b) => a + b, "-": (a, b) => a - b },
  { "*": (a, b) => a * b, "/": (a, b) => Math.floor(a / b), "%": (a, b) => a % b },
];

const FUNCTIONS: Readonly<Record<string, Operator>> = { min: Math.min, max: Math.max };

/**
 * Integer arithmetic over names: numbers, `+ - * / %` (`/` rounds down), comparisons and `&& || !` that give 0 or 1, `min(a, b)`, `max(a, b)`, parentheses.
 *
 * @throws Error - a name is unknown, or the text is no expression
 */
export function evaluate(text: string, names: Names): number {
  const tokens = text.match(/\d+|\w+|\|\||&&|[=!<>]=|\S/g) ?? [];
  let at = 0;
  const take = (token: string): void => {
    if (tokens[at++] !== token) throw new Error(`"${token}" is missing in "${text}"`);
  };

  function level(depth: number): number {
    const operators = LEVELS[depth];
    if (!operators) return operand();
    let left = level(depth + 1);
    for (;;) {
      const operator = operators[tokens[at] ?? ""];
      if (!operator) return left;
      at++;
      left = operator(left, level(depth + 1));
    }
  }

  function operand(): number {
    const token = tokens[at++] ?? "";
    if (token === "(") {
      const inner = level(0);
      take(")");
      return inner;
    }
    if (token === "!") return Number(operand() === 0);
    if (token === "-") return -operand();
    if (/^\d/.test(token)) return Number(token);
    const call = FUNCTIONS[token];
    if (call && tokens[at] === "(") {
      take("(");
      const first = level(0);
      take(",");
      const second = level(0);
      take(")");
      return call(first, second);
    }
    const known = names[token];
    if (known === undefined) throw new Error(`unknown name "${token}" in "${text}"`);
    return Number(known);
  }

  const result = level(0);
  if (at < tokens.length) throw new Error(`"${tokens[at]}" is one too many in "${text}"`);
  return result;
}
