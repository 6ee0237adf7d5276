import type { FdWaiter } from "../ffi/fd_waiter.ts";
import type { UnixListener } from "../ffi/unix_socket.ts";
import type { StreamNetdev } from "./stream_netdev.ts";

/**
 * Lets peers connect to a stream device, one at a time, as QEMU's `-netdev stream,server=on` does. A
 * second one waits, connected as far as it can tell, until the first has gone.
 */
export class StreamServer implements Disposable {
  readonly #listener: UnixListener;
  readonly #device: StreamNetdev;
  readonly #waiter: FdWaiter;
  readonly #onLink: (up: boolean) => void;

  /** Takes over `listener`. `onLink` is called on the event loop when a peer has come or gone. */
  constructor(
    listener: UnixListener,
    device: StreamNetdev,
    waiter: FdWaiter,
    onLink: (up: boolean) => void,
  ) {
    this.#listener = listener;
    this.#device = device;
    this.#waiter = waiter;
    this.#onLink = onLink;
    waiter.add(listener.fd, () => this.#accept());
  }

  /** To be called when the device says that its peer is gone. */
  peerGone(): void {
    this.#device.hangUp();
    this.#onLink(false);
    this.#waiter.unmask(this.#listener.fd);
  }

  [Symbol.dispose](): void {
    this.#waiter.remove(this.#listener.fd);
    this.#listener[Symbol.dispose]();
  }

  #accept(): void {
    const socket = this.#listener.accept();
    if (socket === null) return;
    this.#waiter.mask(this.#listener.fd);
    this.#device.attach(socket);
    this.#onLink(true);
  }
}
