import { assert, assertEquals, assertThrows } from "@std/assert";
import type { FdWaiter } from "../../../drivers/ffi/fd_waiter.ts";
import { connectAbstract, listenAbstract, socketPair } from "../../../drivers/ffi/unix_socket.ts";
import { StreamServer } from "../../../drivers/stream/stream_server.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { assertSleeps } from "../ffi/assert_sleeps.ts";
import { frame, framed, StreamDevice } from "./stream_link.ts";

let names = 0;

/** A device that listens, and what it told of its link. */
class ServedDevice implements Disposable {
  readonly name = `ukdeno-test-server-${Deno.pid}-${names++}`;
  readonly links: boolean[] = [];
  readonly events: number[] = [];
  readonly device: StreamDevice;
  readonly server: StreamServer;

  constructor() {
    this.device = new StreamDevice(null, {
      onEvent: (queueId) => this.events.push(queueId),
      onGone: () => this.server.peerGone(),
    });
    const { ops, waiter } = this.device;
    const onLink = (up: boolean): void => void this.links.push(up);
    this.server = new StreamServer(listenAbstract(this.name, 0), ops, waiter, onLink);
  }

  get waiter(): FdWaiter {
    return this.device.waiter;
  }

  [Symbol.dispose](): void {
    this.server[Symbol.dispose]();
    this.device[Symbol.dispose]();
  }
}

Deno.test("without a peer the link is down, frames to send are dropped, and it sleeps", async () => {
  using served = new ServedDevice();
  const { netdev, pool } = served.device;
  assertEquals(netdev.linkGet(), false);
  assertEquals(netdev.rxqIntrEnable(0), 0);
  netdev.txBurst(0, [served.device.packet(frame(60))], 0, 1);
  assertEquals(netdev.statsGet().drops.tx_link_down, 1);
  assertEquals(served.device.burst(), []);
  assertEquals(pool.available, pool.size);
  await assertSleeps(served.device.waiter);
});

Deno.test("peers come one after another; what one left of a frame does not reach the next", async () => {
  using served = new ServedDevice();
  const { device } = served;
  assertEquals(device.netdev.rxqIntrEnable(0), 0);
  for (const seed of [1, 2, 3]) {
    using peer = connectAbstract(served.name);
    served.waiter.poll();
    assertEquals(device.netdev.linkGet(), true);
    peer.send(framed(frame(60, seed)));
    served.waiter.poll();
    assertEquals(device.burst(), [[...frame(60, seed)]]);
    assertEquals(device.netdev.txBurst(0, [device.packet(frame(60, seed))], 0, 1), 1);
    const buffer = new Uint8Array(100);
    assertEquals(peer.receive(buffer), 64);
    assertEquals([...buffer.subarray(0, 64)], [...framed(frame(60, seed))]);
    peer.send(framed(frame(60, 9)).slice(0, 20));
    assertEquals(device.netdev.rxqIntrEnable(0), 0);
    peer[Symbol.dispose]();
    await served.waiter.sleep(Infinity);
    served.waiter.poll();
    assertEquals(device.burst(), []);
    await Promise.resolve();
    assertEquals(device.netdev.linkGet(), false);
    assertEquals(device.netdev.rxqIntrEnable(0), 0);
    await assertSleeps(device.waiter);
  }
  assertEquals(served.links, [true, false, true, false, true, false]);
  assertEquals(device.netdev.statsGet().rxPackets, 3);
  assertEquals(device.pool.available, device.pool.size);
});

Deno.test("a second peer waits until the first has gone, and keeps nobody from sleeping", async () => {
  using served = new ServedDevice();
  const { device } = served;
  assertEquals(device.netdev.rxqIntrEnable(0), 0);
  const first = connectAbstract(served.name);
  served.waiter.poll();
  using second = connectAbstract(served.name);
  second.send(framed(frame(60, 2)));
  await assertSleeps(device.waiter);
  assertEquals(device.burst(), []);
  first[Symbol.dispose]();
  assertEquals(device.burst(), []);
  await Promise.resolve();
  served.waiter.poll();
  assertEquals(device.burst(), [[...frame(60, 2)]]);
});

Deno.test("a peer that sends nonsense is hung up on", async () => {
  using served = new ServedDevice();
  using peer = connectAbstract(served.name);
  served.waiter.poll();
  peer.send(Uint8Array.of(0xff, 0xff, 0xff, 0xff));
  assertEquals(served.device.burst(), []);
  await Promise.resolve();
  assertEquals(peer.receive(new Uint8Array(8)), 0);
});

Deno.test("a device that has a peer takes no other", () => {
  using served = new ServedDevice();
  using _peer = connectAbstract(served.name);
  served.waiter.poll();
  const [near, far] = socketPair();
  assertThrows(() => served.device.ops.attach(near), NetdevError, "one peer at a time");
  for (const socket of [near, far]) socket[Symbol.dispose]();
  assert(served.device.netdev.linkGet());
});

Deno.test("close() ends the connection of a peer, and nobody listens any more", () => {
  const served = new ServedDevice();
  using peer = connectAbstract(served.name);
  served.waiter.poll();
  served[Symbol.dispose]();
  assertEquals(peer.receive(new Uint8Array(8)), 0);
  assertThrows(() => connectAbstract(served.name), Error, "refused");
});

Deno.test("a peer may come while the device is stopped", () => {
  using served = new ServedDevice();
  const { netdev } = served.device;
  netdev.stop();
  using peer = connectAbstract(served.name);
  peer.send(framed(frame(60, 1)));
  served.waiter.poll();
  netdev.start();
  assertEquals(served.device.burst(), [[...frame(60, 1)]]);
});

Deno.test("a device whose peer has gone starts again, and takes the next one", async () => {
  using served = new ServedDevice();
  const { netdev } = served.device;
  const first = connectAbstract(served.name);
  served.waiter.poll();
  first.send(framed(frame(60, 9)).slice(0, 20));
  first[Symbol.dispose]();
  assertEquals([...served.device.burst(), ...served.device.burst()], []);
  await Promise.resolve();
  netdev.stop();
  netdev.start();
  assertEquals(netdev.linkGet(), false);
  using second = connectAbstract(served.name);
  served.waiter.poll();
  second.send(framed(frame(60, 2)));
  assertEquals(served.device.burst(), [[...frame(60, 2)]]);
});
