/** A space with a name, number or bracket on one side and an operator on the other. */
const SPACES = /(?<=[\w\])}]) (?=[-+*/%=<>&|!,;:(){}[\]])|(?<=[-+*/%=<>&|!,;:(){}[\]]) (?=[\w([])/g;

/**
 * WGSL as it ships: without comments, indentation, empty lines and spaces between names and operators, which no machine reads and every user would download.
 * Line structure stays, so that compiler messages still point somewhere, and so do directives; a space between two operators stays too: `a - -b`.
 * @param {string} source
 * @returns {string}
 */
export function stripWgsl(source) {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, " ")
    .split("\n")
    .map((line) => line.replace(/\/\/.*$/, "").trim())
    .filter((line) => line !== "")
    .map((line) => (line.startsWith("#") ? line : line.replace(SPACES, "")))
    .join("\n")
    .concat("\n");
}
