/**
 * WGSL as it ships: without comments, indentation and empty lines, which no machine reads and every user would download. Line structure stays, so that
 * compiler messages still point somewhere.
 * @param {string} source
 * @returns {string}
 */
export function stripWgsl(source) {
  return source
    .replace(/\/\*[\s\S]*?\*\//g, " ")
    .split("\n")
    .map((line) => line.replace(/\/\/.*$/, "").trim())
    .filter((line) => line !== "")
    .join("\n")
    .concat("\n");
}
