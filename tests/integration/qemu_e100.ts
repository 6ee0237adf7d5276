import { e100Driver } from "../../drivers/e100/e100_pci.ts";
import { FdWaiter } from "../../drivers/ffi/fd_waiter.ts";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { PciBus } from "../../drivers/pci/pci_bus.ts";
import { QemuHost } from "../../drivers/pci/qemu/qemu_host.ts";
import { monotonicClock } from "../../netdev/clock.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { HOST_MAC } from "../stack/frames.ts";
import { eventually, uniqueHub } from "./appliance.ts";
import { type FramePort, StreamPort } from "./frame_port.ts";

/** So long a frame may take on a machine that is busy. */
const PATIENCE_MS = 20_000;

/** An 8255x of a real QEMU, running in this process, without a stack; and a place on its network. */
export class QemuE100 implements AsyncDisposable {
  readonly netdev: Netdev;
  readonly pool: NetbufPool;
  readonly port: FramePort;
  readonly waiter: FdWaiter;
  /** What the driver had to tell. */
  readonly events: string[] = [];
  /** Interrupts that reached the queue. */
  interrupts = 0;
  readonly #host: QemuHost;

  private constructor(waiter: FdWaiter, host: QemuHost, port: FramePort, rxDescriptors: number) {
    this.waiter = waiter;
    this.port = port;
    this.#host = host;
    const registry = new NetdevRegistry();
    const bus = new PciBus(host);
    bus.registerDriver(e100Driver(registry, {
      clock: monotonicClock,
      onFailure: (reason) => this.events.push(reason),
      onLink: (up) => this.events.push(`link ${up ? "up" : "down"}`),
    }));
    bus.probe();
    const netdev = registry.get(0);
    netdev.probe();
    netdev.configure({ rxQueues: 1, txQueues: 1 });
    this.pool = netdev.poolCreate({ count: rxDescriptors + 256 });
    netdev.rxqConfigure(0, rxDescriptors, { pool: this.pool, onEvent: () => this.interrupts++ });
    netdev.txqConfigure(0, 0);
    netdev.start();
    this.netdev = netdev;
  }

  /** Starts QEMU with a NIC of this name. */
  static async start(model: string, rxDescriptors = 64): Promise<QemuE100> {
    const waiter = new FdWaiter(monotonicClock);
    const hub = uniqueHub();
    const nic = { model, mac: HOST_MAC, mtu: 1500 };
    const host = await QemuHost.start(
      { nic, netdev: "user,restrict=on", hub, onGone: () => {} },
      waiter,
    );
    const { socket, headerSent } = await connectHub(hub);
    const port = new StreamPort(socket, headerSent);
    return new QemuE100(waiter, host, port, rxDescriptors);
  }

  /** Sends frames in one burst; how many were taken. */
  send(...frames: readonly Uint8Array[]): number {
    const netbufs = frames.map((frame) => {
      const netbuf = this.pool.alloc();
      if (netbuf === null) throw new Error("the pool of the test is dry");
      netbuf.region.u8.set(frame, netbuf.data);
      netbuf.length = frame.length;
      return netbuf;
    });
    return this.netdev.txBurst(0, netbufs, 0, netbufs.length);
  }

  /** Receives what is there, as bytes. */
  received(): number[][] {
    const netbufs: Netbuf[] = [];
    return netbufs.slice(0, this.netdev.rxBurst(0, netbufs, 64)).map((netbuf) => {
      const { region, data, length } = netbuf;
      const bytes = [...region.u8.subarray(data, data + length)];
      netbuf.free();
      return bytes;
    });
  }

  /** Sleeps until the queue's next interrupt. */
  async awaitInterrupt(): Promise<void> {
    const before = this.interrupts;
    const deadline = monotonicClock.now() + PATIENCE_MS;
    while (this.interrupts === before) {
      if (monotonicClock.now() > deadline) throw new Error("no interrupt");
      await this.waiter.sleep(deadline);
    }
  }

  /** Receives until a frame of this EtherType came, and returns it. */
  async awaitFrame(etherType: number): Promise<number[]> {
    let found: number[] | undefined;
    await eventually("a frame comes", () => {
      found ??= this.received().find((frame) => (frame[12] << 8 | frame[13]) === etherType);
      return found !== undefined;
    });
    return found ?? [];
  }

  /** The next frame on the network of this EtherType, as the hub's other ports see it. */
  seen(etherType: number): number[] {
    for (let frame = this.port.next(PATIENCE_MS); frame !== null;) {
      if ((frame[12] << 8 | frame[13]) === etherType) return [...frame];
      frame = this.port.next(PATIENCE_MS);
    }
    throw new Error("silence");
  }

  /** What the details call so. */
  fact(name: string): string | undefined {
    return this.netdev.detailsGet()?.facts?.find(([other]) => other === name)?.[1];
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.port[Symbol.dispose]();
    this.netdev.close();
    await this.#host.close();
    this.waiter[Symbol.dispose]();
  }
}
