import { closeFd } from "../../../drivers/ffi/file_descriptor.ts";
import { waitReadable } from "../../../drivers/ffi/fd_waiter.ts";
import type { UnixSocket } from "../../../drivers/ffi/unix_socket.ts";
import {
  decodeHeader,
  encodeMessage,
  HEADER_BYTES,
  PAYLOAD_MAX_BYTES,
  requestName,
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REPLY_MASK,
  VHOST_USER_VERSION,
  VHOST_USER_VERSION_MASK,
} from "../../../drivers/virtio/vhost_user/message.ts";
import { BackEndError } from "./back_end_error.ts";

/** The rest of a message that has begun must come within this. */
const REST_MS = 5_000;

/** A message of the front-end. Its descriptors are the receiver's, to keep or to close. */
export interface FrontEndMessage {
  readonly request: number;
  readonly needsReply: boolean;
  readonly payload: Uint8Array;
  readonly fds: readonly number[];
}

/** Sends a reply in place of the socket, for a back-end that is to do that wrong. */
export type ReplyFault = (
  socket: UnixSocket,
  request: number,
  reply: Uint8Array<ArrayBuffer>,
) => void;

/** Messages over the socket, as a back-end receives and answers them. */
export class FrontEndSocket {
  readonly #socket: UnixSocket;
  readonly #fault: ReplyFault | null;

  constructor(socket: UnixSocket, fault: ReplyFault | null = null) {
    this.#socket = socket;
    this.#fault = fault;
  }

  /**
   * The next message that has begun to arrive, null when none has; `"closed"` when the front-end is
   * gone. {@link BackEndError} when it's malformed.
   */
  next(): FrontEndMessage | null | "closed" {
    const fds: number[] = [];
    try {
      const header = new Uint8Array(HEADER_BYTES);
      const began = this.#socket.receive(header, fds);
      if (began < 0) return null;
      if (began === 0) return "closed";
      this.#fill(header, began, fds);
      const { request, flags, size } = decodeHeader(header);
      if ((flags & VHOST_USER_VERSION_MASK) !== VHOST_USER_VERSION) {
        throw new BackEndError(`${requestName(request)} has flags 0x${flags.toString(16)}`);
      }
      if (size > PAYLOAD_MAX_BYTES) {
        throw new BackEndError(`${requestName(request)} has a payload of ${size} bytes`);
      }
      const payload = new Uint8Array(size);
      this.#fill(payload, 0, fds);
      return { request, needsReply: (flags & VHOST_USER_NEED_REPLY_MASK) !== 0, payload, fds };
    } catch (error) {
      fds.forEach(closeFd);
      throw error;
    }
  }

  /** Sends the reply to a request. `ErrnoError` when the front-end is gone. */
  reply(request: number, payload: Uint8Array): void {
    const message = encodeMessage(request, VHOST_USER_REPLY_MASK, payload);
    if (this.#fault === null) this.#socket.send(message);
    else this.#fault(this.#socket, request, message);
  }

  #fill(bytes: Uint8Array<ArrayBuffer>, from: number, fds: number[]): void {
    for (let at = from; at < bytes.length;) {
      const n = this.#socket.receive(bytes.subarray(at), fds);
      if (n === 0) throw new BackEndError("the front-end closed in the middle of a message");
      if (n > 0) at += n;
      else if (!waitReadable(this.#socket.fd, REST_MS)) {
        throw new BackEndError(`the rest of a message did not come within ${REST_MS} ms`);
      }
    }
  }
}
