import { UnixSocket } from "../../../../drivers/ffi/unix_socket.ts";

/** A socket that hands out one byte at a time. */
export class Dripping extends UnixSocket {
  override receiveAt(into: Uint8Array<ArrayBuffer>, offset: number): number {
    return super.receiveAt(into, offset, 1);
  }
}

/** A socket that counts how often something is to be received. */
export class Counted extends UnixSocket {
  receives = 0;

  override receiveAt(into: Uint8Array<ArrayBuffer>, offset: number, length: number): number {
    this.receives++;
    return super.receiveAt(into, offset, length);
  }
}

/** A socket whose peer hears what is sent, says half of something, and closes. */
export class Forsaken extends UnixSocket {
  readonly #far: UnixSocket;
  readonly #half: string;

  constructor(fd: number, far: UnixSocket, half: string) {
    super(fd);
    this.#far = far;
    this.#half = half;
  }

  override sendSome(bytes: Uint8Array<ArrayBuffer>, offset: number, length: number): number {
    const sent = super.sendSome(bytes, offset, length);
    this.#far.receive(new Uint8Array(64));
    this.#far.send(new TextEncoder().encode(this.#half));
    this.#far[Symbol.dispose]();
    return sent;
  }
}

/** A socket whose peer closes without having read what it was sent: a connection reset. */
export class Unheard extends UnixSocket {
  readonly #far: UnixSocket;

  constructor(fd: number, far: UnixSocket) {
    super(fd);
    this.#far = far;
  }

  override sendSome(bytes: Uint8Array<ArrayBuffer>, offset: number, length: number): number {
    const sent = super.sendSome(bytes, offset, length);
    this.#far[Symbol.dispose]();
    return sent;
  }
}
