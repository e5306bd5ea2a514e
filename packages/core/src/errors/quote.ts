/** A text or value from outside as messages quote it: a line of at most so many characters. */
export function quote(value: unknown, longest = 100): string {
  let text: string;
  if (typeof value === "string") text = JSON.stringify(value.slice(0, longest + 1));
  else if (typeof value === "bigint") text = `${value}n`;
  else if (typeof value === "function") text = "a function";
  else if (Array.isArray(value)) text = `an array of ${value.length}`;
  else if (typeof value === "object" && value !== null) text = "an object";
  else text = String(value);
  return text.length > longest ? `${text.slice(0, longest)}…` : text;
}
