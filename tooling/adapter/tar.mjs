// The little of the tar format that an archive of plain files needs.

const BLOCK = 512;

/**
 * @param {Buffer} archive
 * @returns {Generator<{ name: string, bytes: Buffer }>}
 */
export function* entries(archive) {
  for (let at = 0; at + BLOCK <= archive.length && archive[at] !== 0; ) {
    const text = (/** @type {number} */ from, /** @type {number} */ to) =>
      archive.toString("utf8", at + from, at + to).replace(/\0.*$/s, "");
    const size = Number.parseInt(text(124, 136), 8);
    yield { name: text(0, 100), bytes: archive.subarray(at + BLOCK, at + BLOCK + size) };
    at += BLOCK * (1 + Math.ceil(size / BLOCK));
  }
}
