import { FdWaiter } from "../../drivers/ffi/fd_waiter.ts";
import { compiled } from "../../drivers/ffi/libc.ts";
import { TapInterface } from "../../drivers/tap/tap_interface.ts";
import { monotonicClock } from "../../netdev/clock.ts";

/*
 * `tap_joiner.ts NAME NAME`: makes two TAP interfaces and carries every frame from one to the other, both
 * ways, as a virtual machine or a user's own switch between two kernels does. It goes on looking for
 * frames as long as the appliance does by default, then sleeps.
 */

/** As `--busy-poll` by default. */
const BUSY_POLL_MS = 0.05;
const MTU = 1500;

const read = compiled("read");
const write = compiled("write");

const [near, far] = Deno.args.map((name) => new TapInterface(name, MTU));
const frame = new Uint8Array(2048);
const size = BigInt(frame.length);
const waiter = new FdWaiter(monotonicClock);
for (const { fd } of [near, far]) waiter.add(fd, () => {});
console.log("ready");

for (;;) {
  let busyUntil = monotonicClock.now() + BUSY_POLL_MS;
  while (monotonicClock.now() < busyUntil) {
    if (carry(near.fd, far.fd) || carry(far.fd, near.fd)) {
      busyUntil = monotonicClock.now() + BUSY_POLL_MS;
    }
  }
  await waiter.sleep(Infinity);
}

/** Whether there was a frame. */
function carry(from: number, to: number): boolean {
  const length = read(from, frame, size);
  if (length <= 0) return false;
  write(to, frame, BigInt(length));
  return true;
}
