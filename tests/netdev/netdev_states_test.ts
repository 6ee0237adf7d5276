import { assertEquals, assertThrows } from "@std/assert";
import type { Netbuf } from "../../netdev/netbuf.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import { type MadeNetdev, netdevIn, type StateName, STATES } from "./netdev_in_state.ts";

/** A call of the API, the states it's legal in, and the state it leads to, if that's another. */
interface Call {
  name: string;
  legal: readonly StateName[];
  call: (made: MadeNetdev) => unknown;
  leadsTo?: StateName;
}

const ONCE_PROBED = ["UNCONFIGURED", "CONFIGURED", "RUNNING"] as const;
const ONCE_CONFIGURED = ["CONFIGURED", "RUNNING"] as const;
const RUNNING = ["RUNNING"] as const;

const none: Netbuf[] = [];

const CALLS: Call[] = [
  {
    name: "probe",
    legal: ["UNPROBED"],
    call: ({ netdev }) => netdev.probe(),
    leadsTo: "UNCONFIGURED",
  },
  { name: "infoGet", legal: ONCE_PROBED, call: ({ netdev }) => netdev.infoGet() },
  { name: "rxqInfoGet", legal: ONCE_PROBED, call: ({ netdev }) => netdev.rxqInfoGet(0) },
  { name: "txqInfoGet", legal: ONCE_PROBED, call: ({ netdev }) => netdev.txqInfoGet(0) },
  {
    name: "configure",
    legal: ["UNCONFIGURED"],
    call: ({ netdev }) => netdev.configure({ rxQueues: 1, txQueues: 1 }),
    leadsTo: "CONFIGURED",
  },
  {
    name: "poolCreate",
    legal: ["CONFIGURED"],
    call: ({ netdev }) => netdev.poolCreate({ count: 1 }),
  },
  {
    name: "rxqConfigure",
    legal: ["CONFIGURED"],
    call: ({ netdev, pool }) => netdev.rxqConfigure(0, 0, { pool }),
  },
  {
    name: "txqConfigure",
    legal: ["CONFIGURED"],
    call: ({ netdev }) => netdev.txqConfigure(0, 0),
  },
  { name: "hwaddrGet", legal: ONCE_CONFIGURED, call: ({ netdev }) => netdev.hwaddrGet() },
  {
    name: "hwaddrSet",
    legal: ONCE_CONFIGURED,
    call: ({ netdev }) => netdev.hwaddrSet(Uint8Array.of(2, 0, 0, 0, 0, 1)),
  },
  { name: "mtuGet", legal: ONCE_CONFIGURED, call: ({ netdev }) => netdev.mtuGet() },
  { name: "mtuSet", legal: ONCE_CONFIGURED, call: ({ netdev }) => netdev.mtuSet(1400) },
  { name: "promiscuousGet", legal: ONCE_CONFIGURED, call: ({ netdev }) => netdev.promiscuousGet() },
  {
    name: "promiscuousSet",
    legal: ONCE_CONFIGURED,
    call: ({ netdev }) => netdev.promiscuousSet(true),
  },
  { name: "linkGet", legal: ONCE_CONFIGURED, call: ({ netdev }) => netdev.linkGet() },
  { name: "rxqIntrEnable", legal: RUNNING, call: ({ netdev }) => netdev.rxqIntrEnable(0) },
  { name: "rxqIntrDisable", legal: RUNNING, call: ({ netdev }) => netdev.rxqIntrDisable(0) },
  { name: "rxBurst", legal: RUNNING, call: ({ netdev }) => netdev.rxBurst(0, none, 1) },
  { name: "txBurst", legal: RUNNING, call: ({ netdev }) => netdev.txBurst(0, none, 0, 0) },
  { name: "txqReclaim", legal: RUNNING, call: ({ netdev }) => netdev.txqReclaim(0) },
  { name: "rxOne", legal: RUNNING, call: ({ netdev }) => netdev.rxOne(0, none) },
  {
    name: "txOne",
    legal: RUNNING,
    call: ({ netdev, pool }) => netdev.txOne(0, [pool.alloc()].filter((netbuf) => netbuf !== null)),
  },
  { name: "statsGet", legal: ONCE_PROBED, call: ({ netdev }) => netdev.statsGet() },
  { name: "einfoGet", legal: ONCE_PROBED, call: ({ netdev }) => netdev.einfoGet("IPV4_CIDR") },
  { name: "detailsGet", legal: ONCE_PROBED, call: ({ netdev }) => netdev.detailsGet() },
  { name: "stop", legal: RUNNING, call: ({ netdev }) => netdev.stop(), leadsTo: "CONFIGURED" },
  {
    name: "reset",
    legal: ONCE_CONFIGURED,
    call: ({ netdev }) => netdev.reset(),
    leadsTo: "UNCONFIGURED",
  },
  { name: "close", legal: STATES, call: ({ netdev }) => netdev.close(), leadsTo: "INVALID" },
];

/** The message names a call that does the work of these. */
const STANDS_FOR: Readonly<Record<string, string>> = { rxOne: "rxBurst", txOne: "txBurst" };

for (const { name, legal, call, leadsTo } of CALLS) {
  for (const state of STATES) {
    if (legal.includes(state)) {
      Deno.test(`${name} is legal in ${state}`, () => {
        const made = netdevIn(state);
        call(made);
        assertEquals(made.netdev.state, NetdevState[leadsTo ?? state]);
      });
    } else {
      Deno.test(`${name} in ${state} is refused, and the driver is not asked`, () => {
        const made = netdevIn(state);
        const before = [...made.driver.calls];
        const message = `${STANDS_FOR[name] ?? name} in state ${state}: needs ${legal.join(", ")}`;
        const error = assertThrows(() => call(made), NetdevError, message);
        assertEquals(error.code, "EINVAL");
        assertEquals(made.netdev.state, NetdevState[state]);
        assertEquals(made.driver.calls, before);
      });
    }
  }
}

Deno.test("start is refused in each state but CONFIGURED", () => {
  for (const state of STATES) {
    if (state === "CONFIGURED") continue;
    const { netdev } = netdevIn(state);
    const message = `start in state ${state}: needs CONFIGURED`;
    assertEquals(assertThrows(() => netdev.start(), NetdevError, message).code, "EINVAL");
    assertEquals(netdev.state, NetdevState[state]);
  }
});

Deno.test("a driver that fails leaves the state as it was, and may be tried again", () => {
  for (
    const [op, state, next] of [
      ["probe", "UNPROBED", "UNCONFIGURED"],
      ["configure", "UNCONFIGURED", "CONFIGURED"],
      ["start", "CONFIGURED", "RUNNING"],
    ] as const
  ) {
    const { netdev, driver, pool } = netdevIn(state);
    if (op === "start") {
      netdev.rxqConfigure(0, 0, { pool });
      netdev.txqConfigure(0, 0);
    }
    const call = (): void => {
      if (op === "configure") netdev.configure({ rxQueues: 1, txQueues: 1 });
      else netdev[op]();
    };
    driver.failing = op;
    assertEquals(assertThrows(call, NetdevError, `failed in ${op}`).code, "EIO");
    assertEquals(netdev.state, NetdevState[state]);
    driver.failing = null;
    call();
    assertEquals(netdev.state, NetdevState[next]);
  }
});

Deno.test("close closes the driver once, however often it is called", () => {
  for (const state of STATES) {
    const { netdev, driver } = netdevIn(state);
    for (let i = 0; i < 3; i++) netdev.close();
    assertEquals(driver.calls.filter((call) => call === "close"), ["close"], state);
    assertEquals(netdev.state, NetdevState.INVALID);
  }
});

Deno.test("a device whose driver fails to close is closed all the same", () => {
  const { netdev, driver } = netdevIn("RUNNING");
  driver.failing = "close";
  assertThrows(() => netdev.close(), NetdevError, "failed in close");
  assertEquals(netdev.state, NetdevState.INVALID);
  netdev.close();
});

Deno.test("a stopped device starts again with the queues that it has", () => {
  const { netdev, driver } = netdevIn("RUNNING");
  driver.calls.length = 0;
  for (let i = 0; i < 3; i++) {
    netdev.stop();
    netdev.start();
  }
  assertEquals(driver.calls, ["stop", "start", "stop", "start", "stop", "start"]);
  assertEquals(netdev.state, NetdevState.RUNNING);
});

Deno.test("a device whose driver fails to stop is stopped all the same", () => {
  const { netdev, driver } = netdevIn("RUNNING");
  driver.failing = "stop";
  assertThrows(() => netdev.stop(), NetdevError, "failed in stop");
  assertEquals(netdev.state, NetdevState.CONFIGURED);
});

Deno.test("reset stops a running device before its queues are forgotten", () => {
  const { netdev, driver, pool } = netdevIn("RUNNING");
  driver.calls.length = 0;
  netdev.reset();
  assertEquals(driver.calls, ["stop", "unconfigure"]);
  netdev.configure({ rxQueues: 2, txQueues: 1 });
  assertThrows(() => netdev.start(), NetdevError, "receive queue 0");
  for (const queue of [0, 1]) netdev.rxqConfigure(queue, 0, { pool });
  netdev.txqConfigure(0, 0);
  netdev.start();
});

Deno.test("reset of a stopped device does not stop it again", () => {
  const { netdev, driver } = netdevIn("CONFIGURED");
  driver.calls.length = 0;
  netdev.reset();
  assertEquals(driver.calls, ["unconfigure"]);
});

Deno.test("a start that the device was too far gone for leaves CONFIGURED, from which it closes", () => {
  const { netdev, driver } = netdevIn("RUNNING");
  netdev.stop();
  driver.failing = "start";
  assertThrows(() => netdev.start(), NetdevError, "failed in start");
  assertEquals(netdev.state, NetdevState.CONFIGURED);
  netdev.close();
  assertEquals(netdev.state, NetdevState.INVALID);
});
