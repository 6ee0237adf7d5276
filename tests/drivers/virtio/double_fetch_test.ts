import { assert, assertEquals, assertThrows } from "@std/assert";
import type { VirtqueueAddresses } from "../../../drivers/virtio/virtio_transport.ts";
import { DoubleFetchWatch } from "../../device/double_fetch_watch.ts";
import { liveHostileLives } from "../../device/hostile_lives.ts";
import { MultiqueueNetModel, VIRTIO_NET_F_RSS } from "../../device/multiqueue_net_model.ts";
import { NetbufOracle } from "../../device/netbuf_oracle.ts";
import { type ProbedVirtioNet, probeVirtioNet } from "../../device/probe_virtio_net.ts";
import {
  CONTROL_FEATURES,
  VIRTIO_NET_F_HASH_REPORT,
  VIRTIO_NET_F_MRG_RXBUF,
  VIRTIO_NET_F_MTU,
  VIRTIO_NET_F_SPEED_DUPLEX,
} from "../../device/virtio_net_model.ts";
import { WatchedBuiltins, WatchedRegion } from "../../device/watched_region.ts";
import { NetLink } from "./net_link.ts";

/** Of each ring format; `deno task hostile --watched --steps=N --seed=S` takes more, or others. */
const STEPS = 100_000;

for (const ring of ["split", "packed"] as const) {
  Deno.test(`${ring} rings, 100,000 hostile steps: nothing is read twice that a card may change in between`, () => {
    const tally = liveHostileLives(STEPS, 0xd0b1e, { ring, watched: true });
    assert(tally.reads > 1_000_000, `${tally.reads} reads`);
    assert(tally.meddled > 10_000, `a card acted after ${tally.meddled} of them`);
    assert(tally.pings > 1_000, `${tally.pings} honest pings were answered`);
    assert(tally.ways.size > 4, `${tally.ways.size} ways to reach and interrupt`);
  });
}

/** A running card whose memory is watched, from its second start on. */
class WatchedLink implements Disposable {
  readonly link: NetLink;
  readonly region: WatchedRegion;
  /** Where the device area and the driver area of queue 0 lie in it. */
  readonly used: number;
  readonly avail: number;
  readonly #disposables = new DisposableStack();
  readonly #watch: DoubleFetchWatch;

  constructor(more = 0n) {
    this.#disposables.use(new WatchedBuiltins());
    const link = this.link = new NetLink({ more, watch: (region) => new WatchedRegion(region) });
    const { model, netdev, pool } = link;
    assert(pool.region instanceof WatchedRegion);
    this.region = pool.region;
    netdev.stop();
    const queues = new Map<number, VirtqueueAddresses>();
    const queueEnable = model.queueEnable.bind(model);
    model.queueEnable = (index, addresses) => {
      queues.set(index, addresses);
      return queueEnable(index, addresses);
    };
    const oracle = new NetbufOracle(pool);
    this.#watch = this.#disposables.use(
      new DoubleFetchWatch(this.region, model.region, {
        packed: false,
        queues,
        oracle: () => oracle,
        onRead: () => false,
      }),
    );
    this.#watchCalls();
    netdev.start();
    const [{ deviceArea, driverArea }] = [...queues.values()];
    this.used = model.region.offsetOf(deviceArea, 6);
    this.avail = model.region.offsetOf(driverArea, 6);
  }

  /** Has the driver do this in a burst. */
  inBurst(action: () => void): void {
    const { netdev } = this.link;
    netdev.rxBurst = (): number => {
      action();
      return 0;
    };
    this.#watchCalls();
    netdev.rxBurst(0, [], 1);
  }

  #watchCalls(): void {
    this.#watch.watchCalls(this.link.netdev);
  }

  [Symbol.dispose](): void {
    this.#disposables.dispose();
  }
}

Deno.test("the watch lets a driver read a used element once, and an index often", () => {
  using watched = new WatchedLink();
  const { u16, u32 } = watched.region;
  const index = watched.used + 2 >> 1;
  const element = watched.used + 4 >> 2;
  watched.inBurst(() =>
    assertEquals([u16[index], Atomics.load(u16, index), u32[element]], [0, 0, 0])
  );
  assertThrows(
    () => watched.inBurst(() => assertEquals(u32[element], Atomics.load(u32, element))),
    Error,
    "double fetch: rxBurst",
  );
});

Deno.test("the watch finds a driver that reads what it wrote itself, and a stack that reads a ring", () => {
  using watched = new WatchedLink();
  const { u16 } = watched.region;
  const read = (): number => u16[watched.avail + 2 >> 1];
  assertThrows(() => watched.inBurst(read), Error, "what it wrote for the device");
  assertThrows(read, Error, "no netbuf's");
});

Deno.test("the watch finds a netbuf that's touched in its pool", () => {
  using watched = new WatchedLink();
  const netbuf = watched.link.pool.alloc();
  assert(netbuf !== null);
  const { u8 } = watched.region;
  u8[netbuf.data] = 7;
  assertEquals(u8[netbuf.data], 7);
  netbuf.free();
  assertThrows(() => u8[netbuf.data], Error, "is read in the pool");
  assertThrows(() => void (u8[netbuf.data] = 8), Error, "is written in the pool");
});

for (const [buffers, what] of [[2, "the rest of a frame"], [9, "what is dropped"]] as const) {
  Deno.test(`a used element among ${what} that broke the queue is not looked at again`, () => {
    using watched = new WatchedLink(VIRTIO_NET_F_MRG_RXBUF);
    const { link } = watched;
    const { model } = link;
    const [first, , third] = model.receiveBuffers();
    const bytes = new Uint8Array(12 + 60);
    bytes[10] = buffers;
    model.region.u8.set(bytes, first.pieces[0].offset);
    model.rx.put(first.head, bytes.length);
    model.rx.put(0xffff, 60);
    model.rx.put(third.head, bytes.length);
    model.rx.show();
    assertEquals(link.received(), []);
    assertEquals(link.events, ["model broke the receive queue: its used ring is nonsense"]);
  });
}

Deno.test("each field of the configuration is read once in a step, so it can't change in between", () => {
  const more = CONTROL_FEATURES | VIRTIO_NET_F_MTU | VIRTIO_NET_F_SPEED_DUPLEX | VIRTIO_NET_F_RSS |
    VIRTIO_NET_F_HASH_REPORT;
  const model = new MultiqueueNetModel({ pairs: 4, more });
  const read: number[] = [];
  model.script.onConfigRead = (offset) => void read.push(offset);
  const check = (step: string, action: () => void): void => {
    read.length = 0;
    action();
    assertEquals(read.length, new Set(read).size, `${step} reads ${read}`);
    assert(read.length > 0, step);
  };
  const probed: ProbedVirtioNet[] = [];
  check("probe", () => void probed.push(probeVirtioNet(model)));
  const [{ netdev }] = probed;
  netdev.configure({ rxQueues: 4, txQueues: 4 });
  const pool = netdev.poolCreate({ count: 64 });
  for (let pair = 0; pair < 4; pair++) {
    netdev.rxqConfigure(pair, 0, { pool });
    netdev.txqConfigure(pair, 0);
  }
  check("start", () => netdev.start());
  check("a change", () => model.setLink(false));
  check("details", () => void netdev.detailsGet());
  netdev.stop();
  check("restart", () => netdev.start());
  assert(model.receive(new Uint8Array(60).fill(0xff)), "a broadcast");
});
