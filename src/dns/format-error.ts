/** Bytes from the wire that break the DNS message format; answered with FORMERR, or the end of the connection. */
export class FormatError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'FormatError';
  }
}
