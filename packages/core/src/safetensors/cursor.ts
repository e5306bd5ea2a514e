const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COMMA = 0x2c;
const ZERO = 0x30;

/**
 * Reads JSON whose shape is known, from a text of strangers: objects, strings and lists of counts, in one pass that
 * keeps nothing. What is read is given back, or undefined where something else stands there; what is not JSON is told
 * to `fail`, which throws.
 */
export class JsonCursor {
  private readonly text: string;
  private readonly fail: (what: string) => Error;
  private at = 0;

  constructor(text: string, fail: (what: string) => Error) {
    this.text = text;
    this.fail = fail;
  }

  /** Enters an object; false where there is none. */
  open(): boolean {
    return this.take(0x7b);
  }

  /** The next name of an object, up to its value; undefined behind the last. */
  name(first: boolean): string | undefined {
    if (this.take(0x7d)) return undefined;
    if (!first && !this.take(COMMA)) throw this.wrong();
    const name = this.string();
    if (name === undefined || !this.take(0x3a)) throw this.wrong();
    return name;
  }

  string(): string | undefined {
    if (this.skip() !== QUOTE) return undefined;
    const { text } = this;
    const begin = this.at + 1;
    let escaped = false;
    let at = begin;
    for (let code = text.charCodeAt(at); code !== QUOTE; code = text.charCodeAt(at)) {
      if (!(code >= 0x20)) throw this.wrong(at); // a control character, or NaN behind the end
      if (code === BACKSLASH) {
        escaped = true;
        at += 1;
      }
      at += 1;
    }
    this.at = at + 1;
    if (!escaped) return text.slice(begin, at);
    try {
      return JSON.parse(text.slice(begin - 1, at + 1)) as string;
    } catch {
      throw this.wrong(begin);
    }
  }

  /** A list of integers from 0 to 2⁵³ − 1, written in digits only. */
  counts(): number[] | undefined {
    if (!this.take(0x5b)) return undefined;
    const counts: number[] = [];
    if (this.take(0x5d)) return counts;
    do {
      const count = this.count();
      if (count === undefined) return undefined;
      counts.push(count);
    } while (this.take(COMMA));
    if (!this.take(0x5d)) return undefined;
    return counts;
  }

  /** Refuses whatever comes behind. */
  end(): void {
    this.skip();
    if (this.at < this.text.length) throw this.wrong();
  }

  private count(): number | undefined {
    const { text } = this;
    const first = this.skip();
    let value = 0;
    let digits = 0;
    for (let digit = first - ZERO; digit >= 0 && digit <= 9; digit = text.charCodeAt(this.at) - ZERO) {
      value = value * 10 + digit;
      digits += 1;
      this.at += 1;
    }
    const exact = digits > 0 && (digits === 1 || first !== ZERO) && Number.isSafeInteger(value);
    return exact ? value : undefined;
  }

  private take(code: number): boolean {
    if (this.skip() !== code) return false;
    this.at += 1;
    return true;
  }

  /** The next character that is no white space. */
  private skip(): number {
    const { text } = this;
    let code = text.charCodeAt(this.at);
    while (code === 0x20 || code === 0x0a || code === 0x0d || code === 0x09) {
      this.at += 1;
      code = text.charCodeAt(this.at);
    }
    return code;
  }

  private wrong(at: number = this.at): Error {
    const found = at < this.text.length ? JSON.stringify(this.text.charAt(at)) : "the end";
    return this.fail(`is not JSON: ${found} at character ${at}`);
  }
}
