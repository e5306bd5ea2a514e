const NAMES: Readonly<Record<string, string>> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;" };

/** Text as it may stand in HTML and SVG, attributes included. */
export function escapeXml(text: string): string {
  return text.replace(/[&<>"]/g, (character) => NAMES[character] ?? "");
}
