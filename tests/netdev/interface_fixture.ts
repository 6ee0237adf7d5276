import { assertEquals } from "@std/assert";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { Host } from "../../stack/host.ts";
import { NetworkInterface } from "../../stack/network_interface.ts";
import { HOST_IP, HOST_MAC, ip, mac } from "../stack/frames.ts";
import { fakeDevice, FakeDriver, without } from "./fake_driver.ts";
import { LoopFixture } from "./loop_fixture.ts";

/** A host on a network interface on a device in memory, in a loop in fake time. */
export class InterfaceFixture extends LoopFixture {
  readonly driver = new FakeDriver();
  readonly netdev: Netdev;
  readonly pool: NetbufPool;
  readonly networkInterface: NetworkInterface;
  readonly host: Host;
  /** Is called in the middle of a poll, when a peer's first echo request is answered. */
  onFirstEcho: () => void = () => {};

  constructor(
    { txSlots = 256, attached = true, mtu = 1500, interrupts = true, deferral = Infinity } = {},
  ) {
    super({ deferral });
    const { driver, scheduler } = this;
    driver.txSlots = txSlots;
    driver.info = { ...driver.info, minRxBufferBytes: 14, rxqInterrupts: interrupts };
    driver.interrupt = (raise) => this.waiter.raise(raise);
    const ops = interrupts ? driver : without(driver, "rxqIntrEnable", "rxqIntrDisable");
    const device = fakeDevice(ops);
    device.maxMtu = mtu;
    const netdev = new NetdevRegistry().drvRegister(device);
    this.netdev = netdev;
    netdev.probe();
    netdev.configure({ rxQueues: 1, txQueues: 1 });
    netdev.mtuSet(mtu);
    this.pool = netdev.poolCreate({ count: 400 });
    this.networkInterface = new NetworkInterface(netdev, this.pool, scheduler);
    netdev.rxqConfigure(0, 0, { pool: this.pool, onEvent: () => this.networkInterface.onEvent() });
    netdev.txqConfigure(0, 0);
    netdev.start();
    this.host = this.#host(mtu);
    this.loop.addTicker(this.networkInterface);
    if (attached) this.attach();
  }

  attach(): void {
    this.networkInterface.attach(this.host);
  }

  /** All netbufs lie in the pool, but for `held` ones. */
  assertPoolWhole(held = 0): void {
    this.driver.txqReclaim(0);
    assertEquals(this.pool.available, this.pool.size - held, "netbufs in the pool");
  }

  #host(mtu: number): Host {
    return new Host(
      { mac: mac(HOST_MAC), address: ip(HOST_IP), prefixLength: 24, gateway: null, mtu },
      this.networkInterface,
      {
        firstArp(): void {},
        firstEchoRequest: () => this.onFirstEcho(),
        echoReply(): void {},
        resolutionFailed(): void {},
        addressConflict(): void {},
      },
    );
  }
}
