import { assert, assertEquals, assertThrows } from "@std/assert";
import { FdWaiter, POLLIN, ReadyProbe } from "../../../../drivers/ffi/fd_waiter.ts";
import { libc } from "../../../../drivers/ffi/libc.ts";
import { socketPair, type UnixSocket } from "../../../../drivers/ffi/unix_socket.ts";
import { PciDevice } from "../../../../drivers/pci/pci_device.ts";
import { PciError } from "../../../../drivers/pci/pci_error.ts";
import { IVSHMEM_VECTORS, IvshmemBridge } from "../../../../drivers/pci/qemu/ivshmem_bridge.ts";
import { monotonicClock } from "../../../../netdev/clock.ts";
import { FakePciFunction } from "../../../device/fake_pci_function.ts";
import { FakePciHost } from "../../../device/fake_pci_host.ts";
import { Memory } from "../../../device/recorded_window.ts";

/** The bridge, and what QEMU has of it: the device, and the descriptors that were handed over. */
class Bridge implements Disposable {
  readonly bridge: IvshmemBridge;
  readonly device: PciDevice;
  /** QEMU's vectors: writing one is a doorbell. Ours: the device signals one for an interrupt. */
  readonly theirs: readonly number[];
  readonly ours: readonly number[];
  onFlush: () => void = () => {};
  readonly #stack = new DisposableStack();

  constructor() {
    const [server, qemu] = socketPair();
    this.#stack.use(server);
    this.#stack.use(qemu);
    const waiter = this.#stack.use(new FdWaiter(monotonicClock));
    this.bridge = this.#stack.use(new IvshmemBridge(server, waiter, () => this.onFlush()));
    const fds = receiveDescriptors(qemu);
    for (const fd of fds) this.#stack.defer(() => void libc.close(fd));
    // The first is the shared memory.
    this.theirs = fds.slice(1, 1 + IVSHMEM_VECTORS);
    this.ours = fds.slice(1 + IVSHMEM_VECTORS);
    const host = new FakePciHost();
    host.plug(31, 0, makeFunction((vector) => libc.eventfd_write(this.ours[vector], 1n)));
    this.device = new PciDevice(host, { bus: 0, device: 31, function: 0 });
  }

  [Symbol.dispose](): void {
    this.#stack.dispose();
  }
}

/** The device: its doorbell register, and an MSI-X table. */
function makeFunction(ring: (vector: number) => void): FakePciFunction {
  const pci = new FakePciFunction({ vendorId: 0x1af4, deviceId: 0x1110 });
  const memory = new Memory(0x100);
  pci.addBar(0, {
    byteLength: 0x100,
    registers: {
      read: (offset, width) => memory.read(offset, width),
      write: (offset, _width, value) => {
        if (offset === 12) ring(value & 0xffff);
      },
    },
  });
  pci.addBar(1, { byteLength: 0x1000 });
  pci.addCapability(0x11, [IVSHMEM_VECTORS - 1, 0, 1, 0, 0, 0, 0, 0, 0, 0]);
  return pci;
}

function receiveDescriptors(socket: UnixSocket): number[] {
  const fds: number[] = [];
  while (socket.receive(new Uint8Array(8), fds) === 8);
  return fds;
}

Deno.test("a doorbell rings behind the register writes that are under way, never before", () => {
  using qemu = new Bridge();
  qemu.bridge.attach(qemu.device);
  const bell = new ReadyProbe(qemu.theirs[0], POLLIN);
  const flushed: boolean[] = [];
  qemu.onFlush = () => flushed.push(bell.ready());
  qemu.bridge.doorbell(0xe000_3000, 1).ring();
  assertEquals(flushed, [false], "it has not rung when the writes are waited for");
  assert(bell.ready());
});

Deno.test("the bridge's registers are its own: no driver gets them", () => {
  using qemu = new Bridge();
  qemu.bridge.attach(qemu.device);
  const other = new PciDevice(qemu.device.host, qemu.device.address);
  assertThrows(
    () => other.requestRegions("greedy"),
    PciError,
    "00:1f.0 is busy: ivshmem bridge has its registers",
  );
});
