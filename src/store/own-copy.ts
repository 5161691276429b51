/** The same octets in memory of their own. Those of a small Buffer keep the 8 KiB that it was cut from, for as long as it is held. */
export function ownCopy(bytes: Buffer): Buffer {
  const copy = Buffer.allocUnsafeSlow(bytes.length);
  bytes.copy(copy);
  return copy;
}
