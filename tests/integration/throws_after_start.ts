// Starts QEMU, prints its process id, and ends by an exception that nobody catches.
import { FdWaiter } from "../../drivers/ffi/fd_waiter.ts";
import { QemuHost } from "../../drivers/pci/qemu/qemu_host.ts";
import { monotonicClock } from "../../netdev/clock.ts";

const host = await QemuHost.start({
  nic: { model: "virtio-net-pci", mac: "02:75:0a:00:02:0f", mtu: 1500 },
  netdev: "user,restrict=on",
  hub: Deno.args[0],
  onGone: () => {},
}, new FdWaiter(monotonicClock));
console.log(host.pid);
throw new Error("planted exception");
