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
    {
      txSlots = 256,
      attached = true,
      mtu = 1500,
      interrupts = true,
      deferral = Infinity,
      queues = 1,
    } = {},
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
    netdev.configure({ rxQueues: queues, txQueues: queues });
    netdev.mtuSet(mtu);
    this.pool = netdev.poolCreate({ count: 400 });
    this.networkInterface = new NetworkInterface(netdev, this.pool, scheduler, queues);
    const onEvent = (queueId: number): void => this.networkInterface.onEvent(queueId);
    for (let queue = 0; queue < queues; queue++) {
      netdev.rxqConfigure(queue, 0, { pool: this.pool, onEvent });
      netdev.txqConfigure(queue, 0);
    }
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
    for (const queue of this.networkInterface.queues.keys()) this.driver.txqReclaim(queue);
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
