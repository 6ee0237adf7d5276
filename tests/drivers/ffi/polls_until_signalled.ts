import { Eventfd } from "../../../drivers/ffi/eventfd.ts";
import { waitReadable } from "../../../drivers/ffi/fd_waiter.ts";

// A process of its own: signals go to its main thread, and in a test that is another one.
let signals = 0;
const { promise: signalled, resolve } = Promise.withResolvers<void>();
const count = (): void => {
  signals++;
  resolve();
};
Deno.addSignalListener("SIGUSR2", count);
using event = new Eventfd();
console.log("polling");
waitReadable(event.fd, 500);
await signalled;
Deno.removeSignalListener("SIGUSR2", count);
console.log(`signalled ${signals === 1 ? "once" : `${signals} times`}`);
