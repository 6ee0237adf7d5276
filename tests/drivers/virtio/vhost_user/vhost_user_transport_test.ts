import { assert, assertEquals, assertThrows } from "@std/assert";
import { closeFd } from "../../../../drivers/ffi/file_descriptor.ts";
import { libc } from "../../../../drivers/ffi/libc.ts";
import { featureSet } from "../../../../drivers/virtio/features.ts";
import {
  decodeMemoryTable,
  decodeU64,
  decodeVringAddr,
  decodeVringState,
  encodeVringState,
  VHOST_USER_GET_VRING_BASE,
  VHOST_USER_SET_VRING_ENABLE,
} from "../../../../drivers/virtio/vhost_user/message.ts";
import { USER_ADDRESS } from "../../../../drivers/virtio/vhost_user/shared_memory.ts";
import { VirtioError } from "../../../../drivers/virtio/virtio_error.ts";
import { handleUntil } from "./handle_until.ts";
import type { Request } from "./scripted_peer.ts";
import {
  BASIC,
  DRIVER_OK,
  MEMORY_BYTES,
  NEEDS_RESET,
  PROTOCOL_FEATURES,
  START_OF_PAIR,
  TransportBench,
} from "./transport_bench.ts";

/** As it reads in a log. */
function describe({ name, payload, fds }: Request): string {
  const what = (): string => {
    switch (name) {
      case "SET_VRING_NUM":
      case "SET_VRING_BASE":
      case "SET_VRING_ENABLE":
      case "GET_VRING_BASE": {
        const { index, num } = decodeVringState(payload);
        return `${index}: ${num}`;
      }
      case "SET_VRING_ADDR": {
        const { index, descriptorArea, driverArea, deviceArea } = decodeVringAddr(payload);
        const offsets = [descriptorArea, driverArea, deviceArea].map((area) => area - USER_ADDRESS);
        return `${index}: ${offsets.join(" ")}`;
      }
      case "SET_MEM_TABLE":
        return JSON.stringify(decodeMemoryTable(payload));
      default:
        return `0x${decodeU64(payload).toString(16)}`;
    }
  };
  return `${name} ${what()}${fds === 0 ? "" : ` with ${fds} fd`}`;
}

Deno.test("at the first DRIVER_OK everything is told, in DPDK's order", () => {
  using bench = new TransportBench();
  bench.peer.acknowledge(...START_OF_PAIR);
  bench.start();
  const table = { guestAddress: 0, size: MEMORY_BYTES, userAddress: USER_ADDRESS, mmapOffset: 0 };
  assertEquals(bench.peer.all().map(describe), [
    "SET_VRING_CALL 0x0 with 1 fd",
    "SET_VRING_CALL 0x101",
    "SET_FEATURES 0x140008000",
    `SET_MEM_TABLE ${JSON.stringify([table])} with 1 fd`,
    "SET_VRING_NUM 0: 256",
    "SET_VRING_BASE 0: 0",
    "SET_VRING_ADDR 0: 4096 5120 6144",
    "SET_VRING_KICK 0x0 with 1 fd",
    "SET_VRING_NUM 1: 256",
    "SET_VRING_BASE 1: 0",
    "SET_VRING_ADDR 1: 8192 9216 10240",
    "SET_VRING_KICK 0x1 with 1 fd",
    "SET_VRING_ENABLE 0: 1",
    "SET_VRING_ENABLE 1: 1",
  ]);
  assertEquals(bench.transport.linkUp, true);
});

Deno.test("packed rings begin with both wrap counters at 1", () => {
  const names = [...BASIC, "VIRTIO_F_RING_PACKED"] as const;
  using bench = new TransportBench((bench) => bench.far(names));
  bench.peer.acknowledge(...START_OF_PAIR);
  bench.start(names);
  const bases = bench.peer.all().map(describe).filter((line) => line.startsWith("SET_VRING_BASE"));
  assertEquals(bases, [`SET_VRING_BASE 0: ${0x8000_8000}`, `SET_VRING_BASE 1: ${0x8000_8000}`]);
});

Deno.test("with several pairs MQ is accepted, which no driver asked for", () => {
  const MQ = featureSet("VIRTIO_NET_F_MQ");
  using bench = new TransportBench((bench) =>
    bench.far(BASIC, { acknowledged: false, extra: PROTOCOL_FEATURES | MQ, queuePairs: 2 })
  );
  assertEquals(bench.transport.queuePairs, 2);
  bench.start(BASIC, 2);
  const told = bench.peer.all();
  const features = told.find(({ name }) => name === "SET_FEATURES");
  assertEquals(features && decodeU64(features.payload), featureSet(...BASIC) | MQ | 1n << 30n);
  assertEquals(told.filter(({ name }) => name === "SET_VRING_ENABLE").length, 4);
});

Deno.test("without protocol features rings aren't enabled by a message", () => {
  using bench = new TransportBench((bench) => bench.far(BASIC, { acknowledged: false, extra: 0n }));
  bench.start();
  const names = bench.peer.all().map(({ name }) => name);
  assert(!names.includes("SET_VRING_ENABLE"));
  assertEquals(names.at(-1), "SET_VRING_KICK");
});

Deno.test("a first start that is refused fails with one line", () => {
  using bench = new TransportBench();
  bench.peer.acknowledge(...START_OF_PAIR.slice(0, 3));
  bench.peer.socket.send(Uint8Array.of(5, 0, 0, 0, 5, 0, 0, 0, 8, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0));
  assertThrows(() => bench.start(), VirtioError, "vhost-user /x refuses SET_MEM_TABLE");
});

Deno.test("a first start that isn't answered fails in bounded time", () => {
  using bench = new TransportBench();
  assertThrows(() => bench.start(), VirtioError, "vhost-user /x does not answer SET_VRING_CALL");
});

Deno.test("a back-end that is gone before the first start fails it", async () => {
  using bench = new TransportBench();
  bench.peer[Symbol.dispose]();
  await handleUntil(bench.waiter, () => bench.losses > 0);
  assertThrows(() => bench.start(), VirtioError, "vhost-user /x hung up");
});

Deno.test("where the next back-end is waited for, a first one that isn't started is told of", async () => {
  for (const gone of [false, true]) {
    using bench = new TransportBench((bench) => bench.far(), true);
    if (gone) bench.peer[Symbol.dispose]();
    if (gone) await handleUntil(bench.waiter, () => bench.losses > 0);
    else bench.peer.socket.send(Uint8Array.of(5, 0, 0, 0, 5, 0, 0, 0, 0, 0, 0, 0));
    bench.start();
    const what = gone ? "hung up" : "answered SET_VRING_CALL as if it were SET_MEM_TABLE";
    assertEquals(bench.unstarted, [`vhost-user /x ${what}`]);
    assertEquals([bench.transport.linkUp, bench.losses], [false, 1]);
    const { backEnd, peer } = bench.far();
    assertEquals(bench.transport.replace(backEnd), null);
    assertEquals(bench.transport.statusRead(), DRIVER_OK | NEEDS_RESET);
    bench.stop();
    bench.start();
    peer.acknowledge(...START_OF_PAIR);
    await handleUntil(bench.waiter, () => bench.transport.linkUp);
    assertEquals([bench.unstarted.length, bench.losses], [1, 1]);
  }
});

Deno.test("one that is replaced before the first start asks for no reset, and is started", async () => {
  using bench = new TransportBench();
  bench.peer[Symbol.dispose]();
  await handleUntil(bench.waiter, () => bench.losses > 0);
  assertEquals(bench.transport.linkUp, false);
  const { backEnd, peer } = bench.far();
  assertEquals(bench.transport.replace(backEnd), null);
  peer.acknowledge(...START_OF_PAIR);
  bench.start();
  assertEquals([bench.transport.linkUp, bench.transport.statusRead()], [true, DRIVER_OK]);
});

Deno.test("a stop waits until the back-end has let go of the rings", () => {
  using bench = new TransportBench();
  bench.peer.acknowledge(...START_OF_PAIR);
  bench.start();
  bench.peer.all();
  bench.peer.acknowledge(VHOST_USER_SET_VRING_ENABLE, VHOST_USER_SET_VRING_ENABLE);
  for (const index of [0, 1]) {
    bench.peer.reply(VHOST_USER_GET_VRING_BASE, encodeVringState({ index, num: 7 }));
  }
  bench.stop();
  assertEquals(bench.peer.all().map(describe), [
    "SET_VRING_ENABLE 0: 0",
    "SET_VRING_ENABLE 1: 0",
    "GET_VRING_BASE 0: 0",
    "GET_VRING_BASE 1: 0",
  ]);
  assertEquals([bench.losses, bench.transport.statusRead()], [0, 0]);
});

Deno.test("one that doesn't stop, or stops another ring, is left", () => {
  for (const wrong of [false, true]) {
    using bench = new TransportBench();
    bench.peer.acknowledge(...START_OF_PAIR);
    bench.start();
    if (wrong) {
      bench.peer.acknowledge(VHOST_USER_SET_VRING_ENABLE, VHOST_USER_SET_VRING_ENABLE);
      for (const index of [0, 5]) {
        bench.peer.reply(VHOST_USER_GET_VRING_BASE, encodeVringState({ index, num: 7 }));
      }
    }
    bench.stop();
    assertEquals([bench.losses, bench.transport.statusRead()], [1, 0]);
    assertEquals(bench.transport.linkUp, false);
  }
});

Deno.test("a call is an interrupt of its queue, and none after the handlers are gone", async () => {
  using bench = new TransportBench((bench) => bench.far(BASIC, { acknowledged: false }));
  bench.start();
  assertEquals(bench.transport.vectors, [
    { name: "socket", config: true, queues: [] },
    { name: "call 0", config: false, queues: [0] },
  ]);
  const fds: number[] = [];
  assertEquals(bench.peer.next(fds).name, "SET_VRING_CALL");
  const [call] = fds;
  libc.eventfd_write(call, 1n);
  await handleUntil(bench.waiter, () => bench.interrupts.length > 0);
  assertEquals(bench.interrupts, [0]);
  bench.transport.interruptsDisconnect();
  libc.eventfd_write(call, 1n);
  closeFd(call);
  bench.waiter.poll();
  assertEquals(bench.interrupts, [0]);
  assertEquals(bench.transport.vectors.length, 1);
});

Deno.test("a lost back-end takes the link down; another brings it up, once it has answered", async () => {
  using bench = new TransportBench();
  bench.peer.acknowledge(...START_OF_PAIR);
  bench.start();
  bench.peer[Symbol.dispose]();
  await handleUntil(bench.waiter, () => bench.changes > 0);
  assertEquals([bench.transport.linkUp, bench.losses], [false, 1]);
  assertEquals(bench.transport.statusRead(), DRIVER_OK);
  assert(bench.transport.present());

  const { backEnd, peer } = bench.far();
  assertEquals(bench.transport.replace(backEnd), null);
  await handleUntil(bench.waiter, () => bench.changes > 1);
  assertEquals(bench.transport.statusRead(), DRIVER_OK | NEEDS_RESET);
  assertEquals(peer.all(), []);

  bench.stop();
  bench.start();
  assertEquals(peer.all().length, START_OF_PAIR.length);
  assertEquals([bench.transport.linkUp, bench.transport.statusRead()], [false, DRIVER_OK]);
  peer.acknowledge(...START_OF_PAIR);
  await handleUntil(bench.waiter, () => bench.changes > 2);
  assertEquals([bench.transport.linkUp, bench.losses], [true, 1]);
  assertEquals(bench.transport.reconnections, 1);
});

Deno.test("one that is lost before it was started anew waits for the next", async () => {
  using bench = new TransportBench((bench) => bench.far(BASIC, { acknowledged: false }));
  bench.start();
  bench.peer[Symbol.dispose]();
  await handleUntil(bench.waiter, () => bench.losses === 1);
  const second = bench.far(BASIC, { acknowledged: false });
  assertEquals(bench.transport.replace(second.backEnd), null);
  second.peer[Symbol.dispose]();
  await handleUntil(bench.waiter, () => bench.losses === 2);
  bench.stop();
  bench.start();
  assertEquals(bench.transport.linkUp, false);
  const third = bench.far(BASIC, { acknowledged: false });
  assertEquals(bench.transport.replace(third.backEnd), null);
  bench.stop();
  bench.start();
  assertEquals(bench.transport.linkUp, true);
});

Deno.test("one that lacks what is in use isn't taken", async () => {
  using bench = new TransportBench((bench) =>
    bench.far(BASIC, { acknowledged: false, queuePairs: 2 })
  );
  bench.start(BASIC, 2);
  bench.peer[Symbol.dispose]();
  await handleUntil(bench.waiter, () => bench.losses === 1);
  bench.stop();
  const lacking = bench.far(["VIRTIO_F_VERSION_1"], { queuePairs: 2 });
  assertEquals(
    bench.transport.replace(lacking.backEnd),
    "lacks MRG_RXBUF, which was agreed on",
  );
  const narrow = bench.far(BASIC, { queuePairs: 1 });
  assertEquals(
    bench.transport.replace(narrow.backEnd),
    "has 1 pairs of queues, and 2 are in use",
  );
  assertEquals(bench.transport.statusRead(), 0);
});

Deno.test("there's no configuration, and no register that isn't told of", () => {
  using bench = new TransportBench();
  const { transport } = bench;
  assertThrows(() => transport.configRead(0, 1), VirtioError, "no configuration of 1 bytes at 0");
  assertEquals(transport.configGeneration(), null);
  assertEquals([0, 1, 2].map((index) => transport.queueSizeMax(index)), [32768, 32768, 0]);
  assertEquals(transport.interruptMode, "eventfd");
  assertEquals(transport.facts, [["protocol features", "REPLY_ACK"], ["reconnections", "0"]]);
});

Deno.test("after its end it's not present, and ends only once", () => {
  using bench = new TransportBench();
  bench.transport.shutdown();
  bench.transport.shutdown();
  assertEquals(bench.transport.present(), false);
  assertEquals(bench.losses, 0);
  assertEquals(bench.peer.socket.receive(new Uint8Array(1)), 0);
});
