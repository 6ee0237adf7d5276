import { FdWaiter } from "../../../../drivers/ffi/fd_waiter.ts";
import { connectAbstract, type UnixSocket } from "../../../../drivers/ffi/unix_socket.ts";
import { PciBus } from "../../../../drivers/pci/pci_bus.ts";
import type { PciDevice } from "../../../../drivers/pci/pci_device.ts";
import { QemuHost } from "../../../../drivers/pci/qemu/qemu_host.ts";
import { QmpClient } from "../../../../drivers/pci/qemu/qmp_client.ts";
import { monotonicClock } from "../../../../netdev/clock.ts";
import { uniqueHub } from "../../../integration/appliance.ts";

const MAC = "02:75:0a:00:02:0f";
const INTEL = 0x8086;
const CLASS_ETHERNET = 0x020000;

/** A real QEMU with a bus, an operator at its monitor, and no driver at all. */
export class BareHost implements AsyncDisposable {
  readonly waiter: FdWaiter;
  readonly host: QemuHost;
  readonly bus: PciBus;
  readonly operator: QmpClient;
  readonly hub: string;
  readonly #monitor: UnixSocket;

  private constructor(waiter: FdWaiter, hub: string, host: QemuHost, monitor: UnixSocket) {
    this.waiter = waiter;
    this.hub = hub;
    this.host = host;
    this.bus = new PciBus(host);
    this.#monitor = monitor;
    this.operator = new QmpClient(monitor);
    this.operator.execute("qmp_capabilities");
  }

  /** Starts QEMU with this NIC in slot 2, on a network where nobody else is. */
  static async start(model: string): Promise<BareHost> {
    const waiter = new FdWaiter(monotonicClock);
    const hub = uniqueHub();
    const monitor = `${hub}-monitor`;
    const nic = { model, mac: MAC, mtu: 1500 };
    const options = { nic, netdev: "hubport,hubid=1", hub, monitor, onGone: () => {} };
    const host = await QemuHost.start(options, waiter);
    try {
      return new BareHost(waiter, hub, host, connectAbstract(monitor));
    } catch (error) {
      await host.close();
      throw error;
    }
  }

  /** The Intel network cards on the bus, in order of their slots. */
  cards(): PciDevice[] {
    return this.bus.scan().filter(({ vendorId, classCode }) =>
      vendorId === INTEL && classCode === CLASS_ETHERNET
    );
  }

  /** Runs the waiter until it's true; whether it came true within 30 s. */
  async until(done: () => boolean): Promise<boolean> {
    const deadline = monotonicClock.now() + 30_000;
    while (!done()) {
      if (monotonicClock.now() >= deadline) return false;
      await this.waiter.sleep(deadline);
    }
    return true;
  }

  /** Whether the waiter can sleep, as nobody asks for attention all the time. */
  async quiet(): Promise<boolean> {
    for (let tries = 0; tries < 20; tries++) {
      const start = monotonicClock.now();
      await this.waiter.sleep(start + 50);
      if (monotonicClock.now() - start >= 49) return true;
    }
    return false;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#monitor[Symbol.dispose]();
    await this.host.close();
    this.waiter[Symbol.dispose]();
  }
}
