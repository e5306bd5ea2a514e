// Reads where a WebAssembly module's static data ends, from its data section (id 11).

/**
 * The address behind the last byte of the module's active data segments; 0 when it has none.
 * @param {Uint8Array} bytes
 */
export function staticDataEnd(bytes) {
  let at = 8; // behind "\0asm" and the version
  const next = () => bytes[at++] ?? 0;
  const varint = () => {
    let value = 0;
    for (let shift = 0; ; shift += 7) {
      const byte = next();
      value |= (byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
  };
  while (at < bytes.length) {
    const id = next();
    const length = varint();
    if (id === 11) return lastSegmentEnd();
    at += length;
  }
  return 0;

  function lastSegmentEnd() {
    let last = 0;
    for (let left = varint(); left > 0; left--) {
      const kind = varint(); // 0: active, 1: passive, 2: active with a memory index
      if (kind === 2) varint();
      const start = kind === 1 ? 0 : constantExpression();
      const length = varint();
      if (kind !== 1) last = Math.max(last, start + length);
      at += length;
    }
    return last;
  }

  function constantExpression() {
    if (next() !== 0x41) throw new Error("expected i32.const as the offset of a data segment");
    const offset = varint(); // small and positive, so reading it unsigned is right
    at++; // end
    return offset;
  }
}
