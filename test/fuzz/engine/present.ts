import { closeSync, openSync, readSync, writeSync } from 'node:fs';

const LARGEST = 1 << 20;
const HEAD = 8;

/**
 * The input that a worker is at, in a file, so that it is known whatever became of the worker. The file has how many inputs there were, the
 * length of this one, each in four octets, and then its octets.
 */
export class Present {
  readonly file: string;
  readonly #fd: number;
  readonly #bytes = Buffer.alloc(HEAD + LARGEST);
  #inputs = 0;

  private constructor(file: string, flags: string) {
    this.file = file;
    this.#fd = openSync(file, flags, 0o600);
  }

  static create(file: string): Present {
    return new Present(file, 'wx+');
  }

  static open(file: string): Present {
    return new Present(file, 'r+');
  }

  /** @param input of 1 MiB at most */
  set(input: Buffer): void {
    this.#bytes.writeUInt32BE(++this.#inputs, 0);
    this.#bytes.writeUInt32BE(input.length, 4);
    input.copy(this.#bytes, HEAD);
    writeSync(this.#fd, this.#bytes, 0, HEAD + input.length, 0);
  }

  inputs(): number {
    return readSync(this.#fd, this.#bytes, 0, HEAD, 0) < HEAD ? 0 : this.#bytes.readUInt32BE(0);
  }

  input(): Buffer {
    readSync(this.#fd, this.#bytes, 0, this.#bytes.length, 0);
    return Buffer.from(this.#bytes.subarray(HEAD, HEAD + this.#bytes.readUInt32BE(4)));
  }

  close(): void {
    closeSync(this.#fd);
  }
}
