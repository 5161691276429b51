/**
 * The same octets in memory of their own, all in one. Those of a small Buffer keep the 8 KiB that it was cut from, for as long as it is held: that is
 * for what many are held of.
 */
export function ownCopies<T extends readonly Buffer[]>(...buffers: T): { [Index in keyof T]: Buffer } {
  const all = Buffer.allocUnsafeSlow(buffers.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  return buffers.map((bytes) => {
    const start = at;
    at += bytes.copy(all, at);
    return all.subarray(start, at);
  }) as { [Index in keyof T]: Buffer };
}
