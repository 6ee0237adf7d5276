import { assertEquals, assertLess, fail } from "@std/assert";
import { EchoClient } from "../../app/echo_client.ts";
import { runNetdev, type RunningHost } from "../../app/run_netdev.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { ethernetFrame, HOST_IP, HOST_MAC, ip, mac, PEER_IP, PEER_MAC } from "../stack/frames.ts";
import { fillNetbuf, netbufBytes } from "../stack/host_fixture.ts";
import { LoopFixture } from "./loop_fixture.ts";
import { Loopback } from "./loopback.ts";
import { configureOnePair } from "./one_pair.ts";
import { QUIET } from "../stack/quiet_observer.ts";

const PROGRAM = new URL("loopback.ts", import.meta.url);
const DOCUMENT = new URL("../../netdev/README.md", import.meta.url);

/** Two hosts in one loop, each on an end of a cable. */
class Cable extends LoopFixture {
  readonly registry = new NetdevRegistry();
  readonly near: Netdev;
  readonly far: Netdev;

  constructor() {
    super();
    const near = new Loopback(mac(HOST_MAC));
    this.near = this.registry.drvRegister(near.device);
    this.far = this.registry.drvRegister(new Loopback(mac(PEER_MAC), near).device);
  }

  run(netdev: Netdev, address: string, observer = QUIET): RunningHost {
    const place = { address: ip(address), prefixLength: 24, gateway: null };
    const running = runNetdev(netdev, place, this.scheduler, observer);
    this.loop.addTicker(running.networkInterface);
    return running;
  }
}

Deno.test("the driver in the document is the one that is tested, and under 80 lines", async () => {
  const program = await Deno.readTextFile(PROGRAM);
  const document = await Deno.readTextFile(DOCUMENT);
  const blocks = [...document.matchAll(/```ts\n(.*?)```/gs)].map(([, code]) => code);
  const found = blocks.filter((code) => code.includes("implements netdev.NetdevOps"));
  assertEquals(found, [program]);
  assertLess(program.split("\n").length - 1, 80);
});

Deno.test("it is registered, configured and started as any device", () => {
  const { registry, near, far } = new Cable();
  assertEquals(registry.count(), 2);
  assertEquals([near, far].map(({ name }) => name), ["net0", "net1"]);
  for (const netdev of [near, far]) {
    assertEquals([netdev.driverName, netdev.state], ["loopback", NetdevState.UNCONFIGURED]);
    const { maxRxQueues, maxTxQueues, maxMtu } = netdev.infoGet();
    assertEquals([maxRxQueues, maxTxQueues, maxMtu], [1, 1, 1500]);
  }
});

Deno.test("a host pings the other one through the cable, frames of all sizes", async () => {
  for (const payloadLength of [0, 56, 1472]) {
    const cable = new Cable();
    const { loop, clock } = cable;
    let intact = 0;
    const ours = cable.run(cable.near, HOST_IP, {
      ...QUIET,
      echoReply: (...reply) => client.echoReply(...reply),
    });
    const theirs = cable.run(cable.far, PEER_IP);
    const client = new EchoClient(ours.host, clock, {
      destination: ip(PEER_IP),
      identifier: 1,
      count: 5,
      interval: 100,
      payloadLength,
      linger: 1000,
      patience: 1000,
    }, {
      onReply: (reply) => {
        if (reply.intact) intact++;
      },
      onDone: () => loop.stop(),
    });
    loop.addTicker(client);
    await loop.run();
    assertEquals(intact, 5);
    // One ARP request and its reply, and the echoes.
    const { rxPackets, txPackets, drops } = cable.near.statsGet();
    assertEquals([rxPackets, txPackets], [6, 6]);
    assertEquals(drops, { backlog_full: 0, rx_no_buffer: 0, tx_link_down: 0 });
    for (const { pool } of [ours, theirs]) assertEquals(pool.available, pool.size);
    assertEquals(loop.sleeps > 0, true, "an idle cable lets the loop sleep");
  }
});

Deno.test("what is sent to an end that isn't started is lost and counted", () => {
  const cable = new Cable();
  const { host, pool } = cable.run(cable.near, HOST_IP);
  assertEquals(cable.near.linkGet(), false);
  host.announce(0);
  assertEquals(cable.near.statsGet().drops, { backlog_full: 0, rx_no_buffer: 0, tx_link_down: 1 });
  cable.run(cable.far, PEER_IP);
  assertEquals(cable.near.linkGet(), true);
  host.announce(0);
  assertEquals(cable.near.statsGet().drops, { backlog_full: 0, rx_no_buffer: 0, tx_link_down: 1 });
  assertEquals(pool.available, pool.size);
});

Deno.test("a stopped end gives its netbufs back, and goes on when it's started again", () => {
  const cable = new Cable();
  const { host } = cable.run(cable.near, HOST_IP);
  const { pool } = cable.run(cable.far, PEER_IP);
  host.announce(0);
  assertEquals(pool.available, pool.size - 1);
  cable.far.stop();
  assertEquals(pool.available, pool.size);
  host.announce(0);
  assertEquals(cable.near.statsGet().drops.tx_link_down, 1);
  cable.far.start();
  host.announce(0);
  assertEquals(cable.far.rxBurst(0, [], 64), 1);
  cable.far.reset();
  assertEquals(pool.alloc(), null, "its pool is retired");
});

Deno.test("a cable of one end brings a host's own frames back", () => {
  const { registry, scheduler } = new Cable();
  const netdev = registry.drvRegister(new Loopback(mac(HOST_MAC)).device);
  const place = { address: ip(HOST_IP), prefixLength: 24, gateway: null };
  const { host } = runNetdev(netdev, place, scheduler, QUIET);
  host.announce(0);
  scheduler.round(0);
  assertEquals(netdev.statsGet().rxPackets, 1);
  assertEquals(host.counters().drops.ethernet_own_source, 1);
});

Deno.test("a frame in pieces arrives in one piece", () => {
  const cable = new Cable();
  const { pool } = cable.run(cable.near, HOST_IP);
  cable.run(cable.far, PEER_IP);
  const frame = ethernetFrame({}, Uint8Array.from({ length: 1500 }, (_, i) => i));
  const [head, tail] = [0, 1].map(() => pool.alloc() ?? fail("the pool is dry"));
  fillNetbuf(head, frame.subarray(0, 33));
  fillNetbuf(tail, frame.subarray(33));
  head.append(tail);
  assertEquals(cable.near.txBurst(0, [head], 0, 1), 1);
  const received: Netbuf[] = [];
  assertEquals(cable.far.rxBurst(0, received, 1), 1);
  assertEquals(received[0].next, null);
  assertEquals(netbufBytes(received[0]), frame);
});

Deno.test("what finds no netbuf is dropped and counted by the end that has none", () => {
  const cable = new Cable();
  const { pool } = cable.run(cable.near, HOST_IP);
  const theirs = cable.run(cable.far, PEER_IP).pool;
  const send = (count: number): void => {
    for (let i = 0; i < count; i++) {
      const netbuf = pool.alloc() ?? fail("the pool is dry");
      fillNetbuf(netbuf, ethernetFrame({}, new Uint8Array(46)));
      cable.near.txBurst(0, [netbuf], 0, 1);
    }
  };
  send(theirs.size + 2);
  assertEquals(cable.near.statsGet().txPackets, theirs.size + 2);
  const { rxPackets, rxDropped, rxErrors, drops } = cable.far.statsGet();
  assertEquals(drops, { backlog_full: 0, rx_no_buffer: 2, tx_link_down: 0 });
  assertEquals([rxPackets, rxDropped, rxErrors], [0, 2, 0]);
});

Deno.test("what is pushed is polled 64 packets a turn, as any device's", () => {
  const cable = new Cable();
  cable.run(cable.far, PEER_IP);
  cable.scheduler.round(0);
  const { near, far } = cable;
  const pool = configureOnePair(near, 150);
  near.start();
  const burst = Array.from({ length: 150 }, () => pool.alloc() ?? fail("the pool is dry"));
  for (const netbuf of burst) fillNetbuf(netbuf, ethernetFrame({}, new Uint8Array(46)));
  assertEquals(near.txBurst(0, burst, 0, 150), 150);
  const received = [1, 2, 3, 4].map(() => {
    cable.scheduler.round(0);
    return far.statsGet().rxPackets;
  });
  assertEquals(received, [64, 128, 150, 150]);
});
