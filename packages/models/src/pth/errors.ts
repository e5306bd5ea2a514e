import { FormatError } from "@dilated/core";

/** A file that is not what `readPth` takes. */
export function bad(
  what: string,
  fix = "save it again with torch.save(model.state_dict(), file)",
  details: readonly string[] = [],
): FormatError {
  return new FormatError(`readPth: ${what}`, { details, fix });
}

/** Text of a file in a message: quoted, and not longer than a line. */
export function quote(text: string): string {
  return JSON.stringify(text.length > 100 ? `${text.slice(0, 100)}…` : text);
}
