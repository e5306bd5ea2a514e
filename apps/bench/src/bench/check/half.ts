let table: Float32Array | undefined;

/** Value of every f16 bit pattern: decoding by table, since checks decode millions. */
export function halfValues(): Float32Array {
  table ??= Float32Array.from({ length: 65_536 }, (_, bits) => {
    const [exponent, fraction] = [(bits >> 10) & 31, bits & 1023];
    const sign = bits & 0x8000 ? -1 : 1;
    if (exponent === 31) return fraction ? Number.NaN : sign * Number.POSITIVE_INFINITY;
    return sign * (exponent === 0 ? fraction * 2 ** -24 : (1 + fraction / 1024) * 2 ** (exponent - 15));
  });
  return table;
}
