import { ErrnoError } from "../../drivers/ffi/errno.ts";
import { waitReadable } from "../../drivers/ffi/fd_waiter.ts";
import { connectPath, listenPath, type UnixSocket } from "../../drivers/ffi/unix_socket.ts";
import { type BackEndOptions, VhostUserBackEnd } from "../../tests/device/vhost_user/back_end.ts";
import { BackEndError } from "../../tests/device/vhost_user/back_end_error.ts";

/** Milliseconds between two tries to connect. */
const RETRY_MS = 20;

/** How the front-end is met. */
export interface MeetingPlace extends BackEndOptions {
  readonly path: string;
  /** Whether the front-end listens. */
  readonly connects: boolean;
  readonly timeoutMs: number;
}

/**
 * Waits for the front-end to connect, or to listen, and to have all its rings up.
 * {@link BackEndError} when it doesn't come in time, or goes away.
 */
export function meetFrontEnd(place: MeetingPlace): VhostUserBackEnd {
  const deadline = performance.now() + place.timeoutMs;
  const backEnd = new VhostUserBackEnd(open(place, deadline), place);
  try {
    while (!backEnd.vrings.every(({ ring }) => ring !== null)) {
      const left = deadline - performance.now();
      if (left <= 0 || !waitReadable(backEnd.fd, Math.ceil(left))) {
        throw late(place, "has not set its rings up");
      }
      if (!backEnd.serve()) throw new BackEndError("the front-end closed before its rings were up");
    }
    return backEnd;
  } catch (error) {
    backEnd[Symbol.dispose]();
    throw error;
  }
}

function open(place: MeetingPlace, deadline: number): UnixSocket {
  const { path } = place;
  if (place.connects) return connectUntil(place, deadline);
  using listener = listenPath(path, 1);
  console.error(`generator: listening on ${path}`);
  while (performance.now() < deadline) {
    waitReadable(listener.fd, Math.ceil(deadline - performance.now()));
    const socket = listener.accept();
    if (socket !== null) return socket;
  }
  throw late(place, "has not connected");
}

function connectUntil(place: MeetingPlace, deadline: number): UnixSocket {
  for (;;) {
    try {
      return connectPath(place.path);
    } catch (error) {
      if (!(error instanceof ErrnoError)) throw error;
      if (performance.now() >= deadline) throw late(place, `can't be reached (${error.message})`);
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, RETRY_MS);
    }
  }
}

function late({ path, timeoutMs }: MeetingPlace, what: string): BackEndError {
  return new BackEndError(`the front-end at ${path} ${what} within ${timeoutMs / 1000} s`);
}
