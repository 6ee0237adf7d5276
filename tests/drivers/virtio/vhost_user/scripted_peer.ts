import { assert } from "@std/assert";
import { waitReadable } from "../../../../drivers/ffi/fd_waiter.ts";
import { closeFd } from "../../../../drivers/ffi/file_descriptor.ts";
import type { UnixSocket } from "../../../../drivers/ffi/unix_socket.ts";
import {
  decodeHeader,
  encodeMessage,
  encodeU64,
  HEADER_BYTES,
  requestName,
  VHOST_USER_REPLY_MASK,
} from "../../../../drivers/virtio/vhost_user/message.ts";

/** A request as it came. */
export interface Request {
  readonly name: string;
  readonly flags: number;
  readonly payload: Uint8Array;
  /** How many descriptors came along. */
  readonly fds: number;
}

/**
 * A back-end that a test speaks for, word by word. Nothing happens by itself, so replies that a
 * front-end waits for without the event loop have to be sent before.
 */
export class ScriptedPeer implements Disposable {
  readonly socket: UnixSocket;

  constructor(socket: UnixSocket) {
    this.socket = socket;
  }

  reply(request: number, payload: Uint8Array): void {
    this.socket.send(encodeMessage(request, VHOST_USER_REPLY_MASK, payload));
  }

  /** Says yes to each of these. */
  acknowledge(...requests: readonly number[]): void {
    for (const request of requests) this.reply(request, encodeU64(0n));
  }

  /** The next request, which has been sent or is on its way. Its descriptors are closed, or added to `keep`. */
  next(keep?: number[]): Request {
    const fds: number[] = [];
    const { request, flags, size } = decodeHeader(this.#read(HEADER_BYTES, fds));
    const payload = this.#read(size, fds);
    if (keep === undefined) { for (const fd of fds) closeFd(fd); }
    keep?.push(...fds);
    return { name: requestName(request), flags, payload, fds: fds.length };
  }

  /** All that has been sent. */
  all(): Request[] {
    const requests: Request[] = [];
    while (waitReadable(this.socket.fd, 0)) requests.push(this.next());
    return requests;
  }

  [Symbol.dispose](): void {
    this.socket[Symbol.dispose]();
  }

  #read(length: number, fds: number[]): Uint8Array {
    const bytes = new Uint8Array(length);
    for (let got = 0; got < length;) {
      assert(waitReadable(this.socket.fd, 10_000), "nothing was sent");
      const part = new Uint8Array(length - got);
      const n = this.socket.receive(part, fds);
      assert(n > 0, "the front-end has hung up");
      bytes.set(part.subarray(0, n), got);
      got += n;
    }
    return bytes;
  }
}
