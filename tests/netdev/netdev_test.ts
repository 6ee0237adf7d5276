import { assertEquals } from "@std/assert";
import type { Netdev } from "../../netdev/netdev.ts";
import type { NetdevOps } from "../../netdev/netdev_driver.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import { netdevIn } from "./netdev_in_state.ts";
import { refuses } from "./refuses.ts";

Deno.test("configure takes from one queue to as many as the device has", () => {
  const { netdev, driver } = netdevIn("UNCONFIGURED");
  for (const count of [0, 3, -1, 1.5, NaN]) {
    refuses(
      "EINVAL",
      `${count} receive queues: 1 to 2 are possible`,
      () => netdev.configure({ rxQueues: count, txQueues: 1 }),
    );
    refuses(
      "EINVAL",
      `${count} transmit queues: 1 to 2 are possible`,
      () => netdev.configure({ rxQueues: 1, txQueues: count }),
    );
  }
  assertEquals(netdev.state, NetdevState.UNCONFIGURED);
  netdev.configure({ rxQueues: 2, txQueues: 1 });
  assertEquals(driver.calls, ["probe", "configure 2 1"]);
});

Deno.test("a queue is set up once", () => {
  const { netdev, driver, pool } = netdevIn("CONFIGURED");
  netdev.rxqConfigure(0, 8, { pool });
  netdev.txqConfigure(0, 16);
  refuses("EBUSY", "receive queue 0 is set up", () => netdev.rxqConfigure(0, 8, { pool }));
  refuses("EBUSY", "transmit queue 0 is set up", () => netdev.txqConfigure(0, 16));
  assertEquals(driver.calls.slice(2), ["rxqConfigure 0 8", "txqConfigure 0 16"]);
});

Deno.test("a queue that the driver could not set up may be set up again", () => {
  const { netdev, driver, pool } = netdevIn("CONFIGURED");
  driver.failing = "rxqConfigure";
  refuses("EIO", "failed", () => netdev.rxqConfigure(0, 0, { pool }));
  driver.failing = "txqConfigure";
  refuses("EIO", "failed", () => netdev.txqConfigure(0, 0));
  driver.failing = null;
  refuses("EINVAL", "receive queue 0", () => netdev.start());
  netdev.rxqConfigure(0, 0, { pool });
  netdev.txqConfigure(0, 0);
  netdev.start();
});

Deno.test("only a configured number of queues can be set up", () => {
  const { netdev, pool } = netdevIn("CONFIGURED");
  for (const id of [1, -1, 0.5, NaN]) {
    refuses(
      "EINVAL",
      `no receive queue ${id}: there are 1`,
      () => netdev.rxqConfigure(id, 0, { pool }),
    );
    refuses("EINVAL", `no transmit queue ${id}: there are 1`, () => netdev.txqConfigure(id, 0));
  }
});

Deno.test("a queue has as many descriptors as its driver says, or the driver's default", () => {
  for (const descriptors of [0, 4, 8, 256]) {
    const { netdev, driver, pool } = netdevIn("CONFIGURED");
    netdev.rxqConfigure(0, descriptors, { pool });
    netdev.txqConfigure(0, descriptors);
    assertEquals(driver.calls.slice(2), [
      `rxqConfigure 0 ${descriptors}`,
      `txqConfigure 0 ${descriptors}`,
    ]);
  }
});

Deno.test("a receive queue takes no pool whose netbufs are too small for the device", () => {
  const { netdev, driver, pool } = netdevIn("CONFIGURED");
  driver.info = { ...driver.info, minRxBufferBytes: pool.bufferBytes + 1 };
  const message = `netbufs with room for 2046 bytes: the device receives into 2047 or more`;
  refuses("EINVAL", message, () => netdev.rxqConfigure(0, 0, { pool }));
  assertEquals(driver.calls.slice(2), []);
  driver.info = { ...driver.info, minRxBufferBytes: pool.bufferBytes };
  netdev.rxqConfigure(0, 0, { pool });
});

Deno.test("other numbers of descriptors are refused, and the driver is not asked", () => {
  const { netdev, driver, pool } = netdevIn("CONFIGURED");
  for (
    const [descriptors, code, message] of [
      [257, "ENOBUFS", "257 descriptors: the queue has 256"],
      [512, "ENOBUFS", "512 descriptors: the queue has 256"],
      [2, "EINVAL", "2 descriptors: a power of two from 4 to 256 is needed"],
      [12, "EINVAL", "12 descriptors: a power of two from 4 to 256 is needed"],
      [255, "EINVAL", "255 descriptors"],
      [-4, "EINVAL", "-4 descriptors"],
      [8.5, "EINVAL", "8.5 descriptors"],
      [NaN, "EINVAL", "NaN descriptors"],
    ] as const
  ) {
    refuses(code, message, () => netdev.rxqConfigure(0, descriptors, { pool }));
    refuses(code, message, () => netdev.txqConfigure(0, descriptors));
  }
  assertEquals(driver.calls.length, 2);
});

Deno.test("without the power of two, each number between the bounds will do", () => {
  const { netdev, driver, pool } = netdevIn("CONFIGURED");
  driver.queueInfo = { minDescriptors: 3, maxDescriptors: 100, powerOfTwo: false };
  refuses("EINVAL", "2 descriptors: from 3 to 100 is needed", () => netdev.txqConfigure(0, 2));
  netdev.rxqConfigure(0, 100, { pool });
  netdev.txqConfigure(0, 3);
});

Deno.test("start names the queue that is not set up", () => {
  const { netdev, driver, pool } = netdevIn("UNCONFIGURED");
  netdev.configure({ rxQueues: 2, txQueues: 2 });
  netdev.rxqConfigure(0, 0, { pool });
  refuses("EINVAL", "start before receive queue 1 is set up", () => netdev.start());
  netdev.rxqConfigure(1, 0, { pool });
  refuses("EINVAL", "start before transmit queue 0 is set up", () => netdev.start());
  netdev.txqConfigure(0, 0);
  refuses("EINVAL", "start before transmit queue 1 is set up", () => netdev.start());
  assertEquals(netdev.state, NetdevState.CONFIGURED);
  assertEquals(driver.calls.includes("start"), false);
  netdev.txqConfigure(1, 0);
  netdev.start();
  assertEquals(netdev.state, NetdevState.RUNNING);
});

Deno.test("start leaves the interrupts alone", () => {
  const { driver } = netdevIn("RUNNING");
  assertEquals(driver.calls.some((call) => call.startsWith("rxqIntr")), false);
});

Deno.test("the queues of another number are refused while running", () => {
  const { netdev } = netdevIn("RUNNING");
  for (const id of [1, -1, 0.5, NaN]) {
    const rx = `no receive queue ${id}: there are 1`;
    const tx = `no transmit queue ${id}: there are 1`;
    refuses("EINVAL", rx, () => netdev.rxBurst(id, [], 1));
    refuses("EINVAL", rx, () => netdev.rxOne(id, []));
    refuses("EINVAL", rx, () => netdev.rxqIntrEnable(id));
    refuses("EINVAL", rx, () => netdev.rxqIntrDisable(id));
    refuses("EINVAL", tx, () => netdev.txBurst(id, [], 0, 0));
    refuses("EINVAL", tx, () => netdev.txOne(id, []));
    refuses("EINVAL", tx, () => netdev.txqReclaim(id));
  }
});

Deno.test("queues are known before they are configured, as far as the device has them", () => {
  const { netdev, driver } = netdevIn("UNCONFIGURED");
  assertEquals(netdev.rxqInfoGet(1), driver.queueInfo);
  assertEquals(netdev.txqInfoGet(1), driver.queueInfo);
  for (const id of [2, -1, 0.5, NaN]) {
    refuses("EINVAL", `no receive queue ${id}: there are 2`, () => netdev.rxqInfoGet(id));
    refuses("EINVAL", `no transmit queue ${id}: there are 2`, () => netdev.txqInfoGet(id));
  }
});

Deno.test("hwaddrGet gives a copy", () => {
  const { netdev } = netdevIn("CONFIGURED");
  netdev.hwaddrGet().fill(0);
  assertEquals(netdev.hwaddrGet(), Uint8Array.of(0x02, 0x75, 0x0a, 0x00, 0x02, 0x0f));
});

Deno.test("hwaddrSet takes the address of one station only", () => {
  const { netdev } = netdevIn("CONFIGURED");
  const address = Uint8Array.of(0x52, 0x54, 0, 0x12, 0x34, 0x56);
  netdev.hwaddrSet(address);
  assertEquals(netdev.hwaddrGet(), address);
  for (
    const bad of [
      [0x01, 0, 0x5e, 0, 0, 1],
      [0xff, 0xff, 0xff, 0xff, 0xff, 0xff],
      [0, 0, 0, 0, 0, 0],
      [2, 0, 0, 0, 1],
      [2, 0, 0, 0, 0, 0, 1],
      [],
    ]
  ) {
    refuses("EINVAL", `${bad} is no`, () => netdev.hwaddrSet(Uint8Array.from(bad)));
  }
  assertEquals(netdev.hwaddrGet(), address);
});

Deno.test("mtuSet takes what IPv4 allows and the device carries", () => {
  const { netdev } = netdevIn("CONFIGURED");
  for (const mtu of [68, 1500]) {
    netdev.mtuSet(mtu);
    assertEquals(netdev.mtuGet(), mtu);
  }
  for (const mtu of [67, 1501, 0, -1, 576.5, NaN]) {
    refuses("EINVAL", `MTU ${mtu}: 68 to 1500 is possible`, () => netdev.mtuSet(mtu));
  }
  assertEquals(netdev.mtuGet(), 1500);
});

Deno.test("an MTU that the device refuses isn't set", () => {
  const { netdev, driver } = netdevIn("CONFIGURED");
  driver.failing = "mtuSet";
  refuses("EIO", "the device failed in mtuSet", () => netdev.mtuSet(1400));
  assertEquals(netdev.mtuGet(), 1500);
});

Deno.test("promiscuous mode is what was set last", () => {
  const { netdev } = netdevIn("RUNNING");
  assertEquals(netdev.promiscuousGet(), false);
  netdev.promiscuousSet(true);
  assertEquals(netdev.promiscuousGet(), true);
});

const OPTIONAL_CALLS: [keyof NetdevOps, (netdev: Netdev) => unknown][] = [
  ["hwaddrGet", (netdev) => netdev.hwaddrGet()],
  ["hwaddrSet", (netdev) => netdev.hwaddrSet(Uint8Array.of(2, 0, 0, 0, 0, 1))],
  ["mtuSet", (netdev) => netdev.mtuSet(1400)],
  ["promiscuousSet", (netdev) => netdev.promiscuousSet(true)],
];

for (const [op, call] of OPTIONAL_CALLS) {
  Deno.test(`${op} is refused where the driver lacks it`, () => {
    const { netdev } = netdevIn("RUNNING", op);
    refuses("ENOTSUP", `${op}: driver fake cannot do this`, () => call(netdev));
  });
}

Deno.test("interrupts are refused where the driver has none", () => {
  const { netdev } = netdevIn("RUNNING", "rxqIntrEnable", "rxqIntrDisable");
  refuses("ENOTSUP", "rxqIntrEnable: driver fake", () => netdev.rxqIntrEnable(0));
  refuses("ENOTSUP", "rxqIntrDisable: driver fake", () => netdev.rxqIntrDisable(0));
});

Deno.test("the link is what the driver sees, and up where it cannot tell", () => {
  assertEquals(netdevIn("RUNNING").netdev.linkGet(), false);
  assertEquals(netdevIn("RUNNING", "linkGet").netdev.linkGet(), true);
});
