import { check, EAGAIN, EINTR, errno, ErrnoError } from "./errno.ts";
import { compiled, cString, libc } from "./libc.ts";
import { MessageHeader } from "./message_header.ts";
import { boundSocket, openSocket, SOCK_CLOEXEC, SOCK_NONBLOCK, SOCK_STREAM } from "./socket.ts";
import { abstractAddress, AF_UNIX, pathAddress } from "./unix_address.ts";

const sendmsg = compiled("sendmsg");
const recvmsg = compiled("recvmsg");

const MSG_DONTWAIT = 0x40;
const MSG_NOSIGNAL = 0x4000;
const MSG_CMSG_CLOEXEC = 0x40000000;
const F_SETFL = 4;
const SIOCOUTQ = 0x5411n;

/**
 * One end of a connected UNIX stream socket, with the messages it sends and receives laid out once:
 * `struct msghdr` and `struct iovec` point at a buffer that stays, and only lengths are written.
 */
export class UnixSocket implements Disposable {
  readonly fd: number;
  /** One for each direction: pointing at another buffer makes garbage, pointing at the same none. */
  readonly #outgoing = new MessageHeader();
  readonly #incoming = new MessageHeader();
  #closed = false;

  constructor(fd: number) {
    this.fd = fd;
  }

  /**
   * Sends `bytes` whole, waiting while the peer is slow; `passFd` travels with the first byte as
   * SCM_RIGHTS, and stays open on this side. {@link ErrnoError} when the peer is gone.
   */
  send(bytes: Uint8Array<ArrayBuffer>, passFd?: number): void {
    let sent = 0;
    while (sent < bytes.length) {
      this.#outgoing.point(bytes, sent, bytes.length - sent);
      if (passFd !== undefined && sent === 0) this.#outgoing.attach(passFd);
      const n = sendmsg(this.fd, this.#outgoing.bytes, MSG_NOSIGNAL);
      if (n >= 0) sent += n;
      else if (errno() !== EINTR) throw new ErrnoError("sendmsg", errno());
    }
  }

  /**
   * Sends what the socket takes now of the `length` bytes (1 or more) of `bytes` at `offset`: how
   * many, or -1 when it is full. `passFd` travels with the first of them, as in {@link send}.
   * {@link ErrnoError} when the peer is gone. Nothing is allocated.
   */
  sendSome(
    bytes: Uint8Array<ArrayBuffer>,
    offset: number,
    length: number,
    passFd?: number,
  ): number {
    this.#outgoing.point(bytes, offset, length);
    if (passFd !== undefined) this.#outgoing.attach(passFd);
    const n = sendmsg(this.fd, this.#outgoing.bytes, MSG_DONTWAIT | MSG_NOSIGNAL);
    return n >= 0 ? n : wouldBlock("sendmsg");
  }

  /**
   * Receives what is there, at most `length` bytes (1 or more), to `offset` of `into`: answers like
   * {@link receive}, but lets go of descriptors that come along. Nothing is allocated.
   */
  receiveAt(into: Uint8Array<ArrayBuffer>, offset: number, length: number): number {
    this.#incoming.point(into, offset, length);
    const n = recvmsg(this.fd, this.#incoming.bytes, MSG_DONTWAIT);
    return n >= 0 ? n : wouldBlock("recvmsg");
  }

  /** Whether bytes that were sent wait for the peer to receive them (SIOCOUTQ, unix(7)). */
  sendPending(): boolean {
    const bytes = new Int32Array(1);
    check("ioctl", libc.ioctl(this.fd, SIOCOUTQ, bytes));
    return bytes[0] !== 0;
  }

  /**
   * Receives what is there, at most `into.length` bytes: how many, 0 when the peer has closed, or
   * -1 when nothing is there. Descriptors that came along are appended to `fds`; the caller owns
   * them. {@link ErrnoError} when the connection broke.
   */
  receive(into: Uint8Array<ArrayBuffer>, fds: number[] = []): number {
    this.#incoming.point(into, 0, into.length);
    this.#incoming.makeRoom();
    const flags = MSG_DONTWAIT | MSG_CMSG_CLOEXEC;
    const n = recvmsg(this.fd, this.#incoming.bytes, flags);
    if (n < 0) return wouldBlock("recvmsg");
    this.#incoming.collect(fds);
    return n;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    check("close", libc.close(this.fd));
  }
}

/** Two UNIX stream sockets connected to each other. */
export function socketPair(): [UnixSocket, UnixSocket] {
  const fds = new Int32Array(2);
  check("socketpair", libc.socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds));
  return [new UnixSocket(fds[0]), new UnixSocket(fds[1])];
}

/**
 * Connects to the UNIX stream socket of this abstract name (unix(7)), which needs no file. Never
 * waits: {@link ErrnoError} with ECONNREFUSED when nobody listens, and with EAGAIN when the
 * listener's backlog is full. `RangeError` when the name is too long.
 */
export function connectAbstract(name: string): UnixSocket {
  return connectTo(abstractAddress(name));
}

/** The same for the socket of this file; with ENOENT when there is none. */
export function connectPath(path: string): UnixSocket {
  return connectTo(pathAddress(path));
}

function connectTo(address: Uint8Array<ArrayBuffer>): UnixSocket {
  const fd = openSocket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK);
  if (libc.connect(fd, address, address.length) < 0 || libc.fcntl(fd, F_SETFL, 0) < 0) {
    const error = new ErrnoError("connect", errno());
    libc.close(fd);
    throw error;
  }
  return new UnixSocket(fd);
}

/** A UNIX stream socket that peers connect to. */
export class UnixListener implements Disposable {
  readonly fd: number;
  readonly #path: string | null;
  #closed = false;

  /** `path`: the file that it listens on, to be removed with it. */
  constructor(fd: number, path: string | null = null) {
    this.fd = fd;
    this.#path = path;
  }

  /** The next peer that connected, or null when none waits. */
  accept(): UnixSocket | null {
    const fd = libc.accept4(this.fd, null, null, SOCK_CLOEXEC);
    if (fd >= 0) return new UnixSocket(fd);
    wouldBlock("accept4");
    return null;
  }

  [Symbol.dispose](): void {
    if (this.#closed) return;
    this.#closed = true;
    // Somebody else may have removed it, and then there is nothing left to do.
    if (this.#path !== null) libc.unlink(cString(this.#path));
    check("close", libc.close(this.fd));
  }
}

/**
 * Listens on an abstract name; one peer more than `backlog` may wait to be accepted.
 * {@link ErrnoError} EADDRINUSE when the name is taken, `RangeError` when it's too long.
 */
export function listenAbstract(name: string, backlog: number): UnixListener {
  return listenOn(abstractAddress(name), backlog, null);
}

/** The same on a file, which is made here and removed when the listener is disposed. */
export function listenPath(path: string, backlog: number): UnixListener {
  return listenOn(pathAddress(path), backlog, path);
}

function listenOn(
  address: Uint8Array<ArrayBuffer>,
  backlog: number,
  path: string | null,
): UnixListener {
  const fd = boundSocket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, address);
  const listener = new UnixListener(fd, path);
  try {
    check("listen", libc.listen(fd, backlog));
  } catch (error) {
    listener[Symbol.dispose]();
    throw error;
  }
  return listener;
}

/** -1 when a call failed only because it would have had to wait, else throws {@link ErrnoError}. */
function wouldBlock(call: string): -1 {
  const error = errno();
  if (error === EAGAIN || error === EINTR) return -1;
  throw new ErrnoError(call, error);
}
