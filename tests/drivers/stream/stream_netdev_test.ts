import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { FdWaiter } from "../../../drivers/ffi/fd_waiter.ts";
import { socketPair } from "../../../drivers/ffi/unix_socket.ts";
import { StreamNetdev } from "../../../drivers/stream/stream_netdev.ts";
import { monotonicClock } from "../../../netdev/clock.ts";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import { NetdevState } from "../../../netdev/netdev_types.ts";
import { ETHERNET_INFO } from "../../netdev/ethernet_info.ts";
import { configureOnePair } from "../../netdev/one_pair.ts";
import { frame, framed, StreamLink } from "./stream_link.ts";

const MAC = Uint8Array.of(2, 0, 0, 0, 0, 1);

Deno.test("a stream device has no features and no descriptors, and one file descriptor", () => {
  using waiter = new FdWaiter(monotonicClock);
  const [socket, far] = socketPair();
  using _peer = far;
  const device = new StreamNetdev({ socket, waiter, mac: MAC });
  assertEquals(device.detailsGet(), {
    bus: "UNIX stream socket",
    rxRings: [],
    txRings: [],
    features: { offered: [], negotiated: [] },
    vectors: [{ name: `file descriptor ${socket.fd}`, use: "receive queue 0" }],
  });
  device.close();
});

Deno.test("a stream device goes through the life of a netdev", () => {
  using waiter = new FdWaiter(monotonicClock);
  const [socket, far] = socketPair();
  using peer = far;
  const netdev = new NetdevRegistry().drvRegister(
    new StreamNetdev({ socket, waiter, mac: MAC }).device,
  );
  assertEquals(netdev.state, NetdevState.UNCONFIGURED);
  assertEquals(netdev.infoGet(), {
    ...ETHERNET_INFO,
    maxRxQueues: 1,
    maxTxQueues: 1,
    maxMtu: 1500,
    encapTx: 0,
    encapRx: 0,
    minRxBufferBytes: 1518,
    rxqInterrupts: true,
  });
  assertEquals(netdev.rxqInfoGet(0).maxDescriptors, 256);
  assertThrows(() => netdev.configure({ rxQueues: 2, txQueues: 1 }), NetdevError);
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  const pool = netdev.poolCreate({ count: 8 });
  netdev.rxqConfigure(0, 128, { pool });
  netdev.txqConfigure(0, netdev.txqInfoGet(0).maxDescriptors);
  netdev.start();
  assertEquals(netdev.hwaddrGet(), MAC);
  assertEquals(netdev.promiscuousGet(), true);
  assertEquals(netdev.linkGet(), true);
  netdev.hwaddrSet(Uint8Array.of(2, 0, 0, 0, 0, 9));
  assertEquals([...netdev.hwaddrGet()], [2, 0, 0, 0, 0, 9]);

  peer.send(framed(frame(60)));
  const netbufs: Netbuf[] = [];
  assertEquals(netdev.rxBurst(0, netbufs, 4), 1);
  assertEquals(netdev.txBurst(0, netbufs, 0, 1), 1);
  const answer = new Uint8Array(128);
  assertEquals(peer.receive(answer), 64);
  assertEquals(answer.subarray(0, 64), framed(frame(60)));

  netdev.close();
  assertEquals(netdev.state, NetdevState.INVALID);
  assertEquals(pool.available, pool.size);
  assertEquals(peer.receive(answer), 0);
});

Deno.test("close() gives every netbuf back, whatever waits, and is there before start() too", () => {
  using link = new StreamLink();
  link.peer.send(framed(frame(60), frame(60), frame(60)));
  assertEquals(link.burst(1).length, 1);
  for (let i = 0; i < 1000; i++) {
    const packet = link.packet(frame(1514));
    if (link.netdev.txBurst(0, [packet], 0, 1) === 0) packet.free();
  }
  assertEquals(link.netdev.txqReclaim(0), 0);
  link.netdev.close();
  assertEquals(link.pool.available, link.pool.size);

  using waiter = new FdWaiter(monotonicClock);
  const [socket, far] = socketPair();
  using peer = far;
  new NetdevRegistry().drvRegister(new StreamNetdev({ socket, waiter, mac: MAC }).device)
    .close();
  assertEquals(peer.receive(new Uint8Array(1)), 0);
});

Deno.test("close() leaves other descriptors of the waiter alone", () => {
  using left = new StreamLink();
  const events: number[] = [];
  using right = new StreamLink({ waiter: left.waiter, onEvent: (id) => events.push(id) });
  assertEquals(right.netdev.rxqIntrEnable(0), 0);
  left.netdev.close();
  right.peer.send(framed(frame(60)));
  left.waiter.poll();
  assertEquals(events, [0]);
  right.netdev.close();
});

Deno.test("a pool of another device, a second pool and a queue without a pool are refused", () => {
  using link = new StreamLink();
  using waiter = new FdWaiter(monotonicClock);
  const [socket, far] = socketPair();
  using _peer = far;
  const netdev = new NetdevRegistry().drvRegister(
    new StreamNetdev({ socket, waiter, mac: MAC }).device,
  );
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  assertThrows(() => netdev.txqConfigure(0, 0), NetdevError, "pool first");
  netdev.poolCreate({ count: 4 });
  assertThrows(() => netdev.rxqConfigure(0, 0, { pool: link.pool }), NetdevError, "not this");
  const error = assertThrows(() => netdev.poolCreate({ count: 4 }), NetdevError, "one pool");
  assertEquals(error.code, "EBUSY");
  netdev.close();
});

Deno.test("a pool that cannot be made leaves the device without one", () => {
  using waiter = new FdWaiter(monotonicClock);
  const [socket, far] = socketPair();
  using _peer = far;
  const device = new StreamNetdev({ socket, waiter, mac: MAC });
  assertThrows(() => device.poolCreate({ count: 2, stride: 100 }), NetdevError, "stride");
  assertEquals(device.poolCreate({ count: 2 }).size, 2);
  device.close();
});

Deno.test("a bad MAC address or MTU is refused", () => {
  using waiter = new FdWaiter(monotonicClock);
  const [near, far] = socketPair();
  using socket = near;
  using _peer = far;
  const refused = (mac: Uint8Array, mtu?: number): string => {
    const options = mtu === undefined ? {} : { mtu };
    const error = assertThrows(() => new StreamNetdev({ socket, waiter, mac, ...options }));
    assertInstanceOf(error, NetdevError);
    return error.message;
  };
  assertEquals(refused(MAC.slice(1)), "0,0,0,0,1 is no unicast MAC address of 6 bytes");
  refused(Uint8Array.of(1, 0, 0, 0, 0, 1));
  assertEquals(refused(MAC, 67), "MTU 67: 68 to 65535 is possible");
  refused(MAC, 65536);
  refused(MAC, 1500.5);
});

Deno.test("a stopped stream keeps its socket: what arrives meanwhile is there after the start", () => {
  const events: number[] = [];
  using link = new StreamLink({ onEvent: (id) => events.push(id) });
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.netdev.stop();
  assertEquals(link.netdev.state, NetdevState.CONFIGURED);
  link.peer.send(framed(frame(60, 1), frame(70, 2)));
  link.waiter.poll();
  assertEquals(events, []);
  link.netdev.start();
  assertEquals(link.burst(), [[...frame(60, 1)], [...frame(70, 2)]]);
  assertEquals(link.netdev.rxqIntrEnable(0), 0);
  link.peer.send(framed(frame(80, 3)));
  link.waiter.poll();
  assertEquals(events, [0]);
  assertEquals(link.burst(), [[...frame(80, 3)]]);
  assertEquals(link.netdev.statsGet().rxPackets, 3);
});

Deno.test("a stream that is reset in the middle of frames, both ways, loses and cuts off none", () => {
  using link = new StreamLink();
  const stream = framed(frame(60, 1), frame(200, 2), frame(300, 3));
  link.peer.send(stream.slice(0, 100));
  assertEquals(link.burst(), [[...frame(60, 1)]]);
  let sent = 0;
  for (;; sent++) {
    const packet = link.packet(frame(1000, sent));
    if (link.netdev.txBurst(0, [packet], 0, 1) === 1) continue;
    packet.free();
    break;
  }
  link.netdev.reset();
  assertEquals([link.pool.available, link.pool.alloc()], [link.pool.size, null]);
  configureOnePair(link.netdev, 4);
  link.netdev.start();
  link.peer.send(stream.slice(100));
  assertEquals(link.burst(), [[...frame(200, 2)], [...frame(300, 3)]]);
  let received = 0;
  for (let before = -1; before !== received;) {
    before = received;
    received = link.peerReceived().length;
    link.netdev.txqReclaim(0);
  }
  const expected = framed(...Array.from({ length: sent }, (_, i) => frame(1000, i)));
  assertEquals(Uint8Array.from(link.peerReceived()), expected);
});

Deno.test("what the hub was sent in joining is left out of the first frame, over a reset too", () => {
  using link = new StreamLink({ headerSent: 1 });
  link.netdev.reset();
  const pool = configureOnePair(link.netdev, 4);
  link.netdev.start();
  const packet = pool.alloc();
  if (packet === null) throw new Error("the pool is dry");
  packet.region.u8.set(frame(60), packet.data);
  packet.length = 60;
  assertEquals(link.netdev.txBurst(0, [packet], 0, 1), 1);
  assertEquals(Uint8Array.from(link.peerReceived()), framed(frame(60)).slice(1));
});

Deno.test("a stream whose peer went stops and closes, and does not start again", () => {
  using link = new StreamLink();
  link.peer[Symbol.dispose]();
  assertEquals(link.burst(), []);
  link.netdev.stop();
  const error = assertThrows(() => link.netdev.start(), NetdevError, "closed the connection");
  assertEquals(error.code, "ENODEV");
  assertEquals(link.netdev.state, NetdevState.CONFIGURED);
  link.netdev.close();
  assertEquals(link.pool.available, link.pool.size);
});
