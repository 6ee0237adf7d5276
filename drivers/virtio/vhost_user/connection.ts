import type { Clock } from "../../../netdev/clock.ts";
import { ErrnoError } from "../../ffi/errno.ts";
import { type FdWaiter, POLLOUT, ReadyProbe, waitReadable } from "../../ffi/fd_waiter.ts";
import { closeFd } from "../../ffi/file_descriptor.ts";
import type { UnixSocket } from "../../ffi/unix_socket.ts";
import { VirtioError } from "../virtio_error.ts";
import {
  decodeHeader,
  decodeU64,
  encodeMessage,
  HEADER_BYTES,
  requestName,
  U64_BYTES,
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REPLY_MASK,
  VHOST_USER_VERSION,
} from "./message.ts";

/** How long a back-end may take to answer: nothing stands still meanwhile, and it may be busy. */
const REPLY_TIMEOUT_MS = 5000;

/** How long it may leave its socket full, for which everything stands still. */
const SEND_TIMEOUT_MS = 200;

/** A reply, or the acknowledgement of a request without one, that is to come. */
interface AwaitedReply {
  readonly request: number;
  readonly payloadBytes: number;
  readonly accept: (payload: Uint8Array) => void;
  readonly fail: (error: VirtioError) => void;
}

/**
 * The socket between this front-end and a back-end: requests go out, and replies come in their order
 * (vhost-user.rst, "Communication"). What a back-end may not send ends the connection with one line
 * that says what it did; so does silence. Runs on the event loop, and waits only where it says so.
 */
export class Connection implements Disposable {
  /** Whether requests without a reply are acknowledged: REPLY_ACK was negotiated. */
  acknowledged = false;
  /** Called once, when the back-end is lost; `reason` goes behind its name: `hung up`. */
  onLost: (reason: string) => void = () => {};

  readonly #socket: UnixSocket;
  readonly #waiter: FdWaiter;
  readonly #clock: Clock;
  readonly #awaited: AwaitedReply[] = [];
  /** What has come of a header, and then of the payload behind it. */
  #header = new Uint8Array(0);
  #payload = new Uint8Array(0);
  #payloadBytes = 0;
  #timer: ReturnType<typeof setTimeout> | undefined;
  #lost: string | null = null;

  /** Takes over a connected socket. */
  constructor(socket: UnixSocket, waiter: FdWaiter, clock: Clock) {
    this.#socket = socket;
    this.#waiter = waiter;
    this.#clock = clock;
    waiter.add(socket.fd, () => this.#receive());
  }

  /** Why the back-end is lost, as {@link onLost} was told; null while it isn't. */
  get lossReason(): string | null {
    return this.#lost;
  }

  /** Sends a request that has a reply, of so many bytes. Rejects with `VirtioError` when it's lost. */
  ask(request: number, payloadBytes: number, payload?: Uint8Array): Promise<Uint8Array> {
    return new Promise((accept, fail) => {
      if (this.#lost !== null) return fail(new VirtioError(this.#lost));
      this.#await({ request, payloadBytes, accept, fail });
      this.#send(encodeMessage(request, 0, payload));
    });
  }

  /** The same, for {@link settle} to wait for. What `accept` throws, as a `VirtioError`, ends it. */
  request(
    request: number,
    payloadBytes: number,
    payload: Uint8Array,
    accept: (reply: Uint8Array) => void,
  ): void {
    if (this.#lost !== null) return;
    this.#await({ request, payloadBytes, accept, fail: () => {} });
    this.#send(encodeMessage(request, 0, payload));
  }

  /** Sends a request without a reply, and a descriptor, which stays the caller's. */
  tell(request: number, payload?: Uint8Array, fd?: number): void {
    if (this.#lost !== null) return;
    if (!this.acknowledged) return this.#send(encodeMessage(request, 0, payload), fd);
    this.#await({
      request,
      payloadBytes: U64_BYTES,
      accept: (answer) => {
        if (decodeU64(answer) !== 0n) throw new VirtioError(`refuses ${requestName(request)}`);
      },
      fail: () => {},
    });
    this.#send(encodeMessage(request, VHOST_USER_NEED_REPLY_MASK, payload), fd);
  }

  /** Blocks until all replies are there, at most so long: false when they aren't, or it's lost. */
  settle(timeoutMs: number): boolean {
    const deadline = this.#clock.now() + timeoutMs;
    while (this.#lost === null && this.#awaited.length > 0) {
      const left = Math.ceil(deadline - this.#clock.now());
      if (left <= 0) return false;
      if (waitReadable(this.#socket.fd, left)) this.#receive();
    }
    return this.#lost === null;
  }

  /** Calls `then` once all replies are there; never when it's lost before. */
  whenSettled(then: () => void): void {
    const last = this.#awaited.at(-1);
    if (this.#lost !== null) return;
    if (last === undefined) return then();
    this.#awaited[this.#awaited.length - 1] = {
      ...last,
      accept: (payload) => {
        last.accept(payload);
        then();
      },
    };
  }

  /** Doesn't wait any longer for what isn't answered. */
  giveUp(): void {
    const awaited = this.#awaited.at(0);
    if (awaited !== undefined) this.#lose(`does not answer ${requestName(awaited.request)}`);
  }

  /** Hangs up, which nobody is told. */
  [Symbol.dispose](): void {
    this.onLost = () => {};
    this.#lose("was left");
  }

  #await(reply: AwaitedReply): void {
    this.#awaited.push(reply);
    if (this.#awaited.length === 1) this.#startTimer();
  }

  #startTimer(): void {
    this.#timer = setTimeout(() => {
      this.giveUp();
      // What follows is for the loop to do, which sleeps perhaps.
      this.#waiter.wake();
    }, REPLY_TIMEOUT_MS);
  }

  #send(message: Uint8Array<ArrayBuffer>, fd?: number): void {
    const deadline = this.#clock.now() + SEND_TIMEOUT_MS;
    const room = new ReadyProbe(this.#socket.fd, POLLOUT);
    try {
      for (let sent = 0; sent < message.length;) {
        const passed = sent === 0 ? fd : undefined;
        const n = this.#socket.sendSome(message, sent, message.length - sent, passed);
        if (n > 0) sent += n;
        else if (!room.wait(Math.max(0, Math.ceil(deadline - this.#clock.now())))) {
          return this.#lose("takes no requests");
        }
      }
    } catch (error) {
      // What it had to say before it hung up tells more, but nobody answers any more.
      this.#lose(lossOf(error));
    }
  }

  #receive(): void {
    try {
      while (this.#lost === null && this.#receiveSome());
    } catch (error) {
      this.#lose(lossOf(error));
    }
  }

  /** Takes in what is missing of a header, or of the payload behind it; whether there was something. */
  #receiveSome(): boolean {
    const inHeader = this.#header.length < HEADER_BYTES;
    const missing = inHeader
      ? HEADER_BYTES - this.#header.length
      : this.#payloadBytes - this.#payload.length;
    const bytes = new Uint8Array(missing);
    const fds: number[] = [];
    const received = this.#socket.receive(bytes, fds);
    if (fds.length > 0) {
      for (const fd of fds) closeFd(fd);
      throw new VirtioError("sent descriptors that nobody asked for");
    }
    if (received < 0) return false;
    if (received === 0) throw new VirtioError(this.#inMessage ? "hung up in a message" : "hung up");
    const got = bytes.subarray(0, received);
    if (inHeader) {
      this.#header = concat(this.#header, got);
      if (this.#header.length === HEADER_BYTES) this.#checkHeader();
    } else {
      this.#payload = concat(this.#payload, got);
    }
    if (this.#header.length === HEADER_BYTES && this.#payload.length === this.#payloadBytes) {
      this.#accept();
    }
    return true;
  }

  get #inMessage(): boolean {
    return this.#header.length > 0;
  }

  /** Before a byte of payload is waited for. */
  #checkHeader(): void {
    const { request, flags, size } = decodeHeader(this.#header);
    const awaited = this.#awaited.at(0);
    if (awaited === undefined) {
      throw new VirtioError(`sent ${requestName(request)}, which nobody asked for`);
    }
    const what = `answered ${requestName(awaited.request)}`;
    if (request !== awaited.request) {
      throw new VirtioError(`${what} as if it were ${requestName(request)}`);
    }
    if (flags !== (VHOST_USER_VERSION | VHOST_USER_REPLY_MASK)) {
      throw new VirtioError(`${what} with flags 0x${flags.toString(16)}, not 0x5`);
    }
    if (size !== awaited.payloadBytes) {
      throw new VirtioError(`${what} with ${size} bytes, not ${awaited.payloadBytes}`);
    }
    this.#payloadBytes = size;
  }

  #accept(): void {
    const payload = this.#payload;
    this.#header = new Uint8Array(0);
    this.#payload = new Uint8Array(0);
    const reply = this.#awaited.shift();
    clearTimeout(this.#timer);
    if (this.#awaited.length > 0) this.#startTimer();
    reply?.accept(payload);
  }

  #lose(reason: string): void {
    if (this.#lost !== null) return;
    this.#lost = reason;
    clearTimeout(this.#timer);
    this.#waiter.remove(this.#socket.fd);
    this.#socket[Symbol.dispose]();
    for (const reply of this.#awaited.splice(0)) reply.fail(new VirtioError(reason));
    this.onLost(reason);
  }
}

/** A broken connection is a peer that has gone, however the C library calls it. */
function lossOf(error: unknown): string {
  if (error instanceof VirtioError) return error.message;
  if (error instanceof ErrnoError) return `hung up (${error.message})`;
  throw error;
}

function concat(a: Uint8Array, b: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(a.length + b.length);
  bytes.set(a);
  bytes.set(b, a.length);
  return bytes;
}
