import type { Socket } from 'node:net';

/** What is written to one connection: nothing faster than the kernel takes it. */
export class SocketWrites {
  readonly #socket: Socket;
  readonly #goneError: () => Error;
  /** The write that the kernel has not taken all of. */
  #stall: { since: number; resolve(): void; reject(error: Error): void } | undefined;
  #writes = 0;
  #written = 0;

  /** @param goneError why the connection is closed, once it is */
  constructor(socket: Socket, goneError: () => Error) {
    this.#socket = socket;
    this.#goneError = goneError;
  }

  /** Since when a write waits for the kernel, by the process's own clock; undefined while none does. */
  get stalledSince(): number | undefined {
    return this.#stall?.since;
  }

  /** Hands pieces to the kernel, and waits until it has taken them all. */
  async write(pieces: readonly Buffer[]): Promise<void> {
    if (!this.handOver(pieces)) await this.taken();
  }

  /** Whether the kernel has taken all pieces at once. */
  handOver(pieces: readonly Buffer[]): boolean {
    const socket = this.#socket;
    if (socket.destroyed) return false;
    this.#writes++;
    const last = pieces.length - 1;
    if (last > 0) socket.cork();
    for (let index = 0; index < last; index++) socket.write(pieces[index]!);
    socket.write(pieces[last]!, this.#onWritten);
    if (last > 0) socket.uncork();
    return socket.writableLength === 0 && !socket.destroyed;
  }

  /** Waits until the kernel has taken everything. */
  async taken(): Promise<void> {
    if (this.#socket.destroyed) throw this.#goneError();
    if (this.#socket.writableLength === 0) return;
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    this.#stall = { since: performance.now(), resolve, reject };
    try {
      await promise;
      // Of a socket that broke, the pieces come back as well.
      if (this.#socket.destroyed) throw this.#goneError();
    } finally {
      this.#stall = undefined;
    }
  }

  /** The connection is closed: nobody waits any longer. */
  gone(): void {
    this.#stall?.reject(this.#goneError());
  }

  /** Without anything on its way there is nothing to wait for, and one system call less. */
  close(): void {
    if (this.#socket.writableLength === 0) this.#socket.destroy();
    else this.#socket.destroySoon();
  }

  readonly #onWritten = (): void => {
    this.#written++;
    if (this.#written === this.#writes) this.#stall?.resolve();
  };
}
