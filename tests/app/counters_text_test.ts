import { assertEquals, assertMatch } from "@std/assert";
import { countersText, type DeviceCounters } from "../../app/counters_text.ts";
import { netdevStats } from "../../netdev/netdev_stats.ts";
import { counted } from "./counted.ts";

const HOST = {
  arpRequestsAnswered: 1,
  arpRequestsSent: 0,
  arpAnnouncementsSent: 0,
  arpRepliesReceived: 0,
  echoRequestsAnswered: 0,
  echoRequestsSent: 0,
  echoRepliesReceived: 0,
  drops: { ipv4_fragment: 2 },
};

const INTERFACE = { resets: 0, unplugs: 0, plugs: 0, drops: { tx_ring_full: 7 }, rxPolls: [] };

const DEVICE: DeviceCounters = {
  device: "net0",
  netdev: counted(),
  interface: INTERFACE,
  host: HOST,
};

function lines(counters: Partial<DeviceCounters>, loop: Record<string, number> = {}): string[] {
  return countersText({ devices: [{ ...DEVICE, ...counters }], loop }).split("\n");
}

Deno.test("what isn't zero is told in words, a line for each part", () => {
  assertEquals(lines({}, { rounds: 5, squeezes: 0 }), [
    "  device   rx packets 3, rx bytes 180, rx errors 4, interrupts 2, config interrupts 1, " +
    "kicks 1, kicks suppressed 5",
    "  stack    arp requests answered 1",
    "  dropped  rx too long 4, tx ring full 7, ipv4 fragment 2",
    "  loop     rounds 5",
  ]);
});

Deno.test("a part in which nothing happened says so", () => {
  const netdev = netdevStats({ rxQueues: [], txQueues: [] });
  const quiet = { ...INTERFACE, drops: { tx_ring_full: 0 } };
  assertEquals(lines({ netdev, interface: quiet, host: { ...HOST, drops: {} } }), [
    "  device   nothing",
    "  stack    arp requests answered 1",
    "  dropped  nothing",
    "  loop     nothing",
  ]);
});

Deno.test("what became of the device is told with it", () => {
  const [device] = lines({ interface: { ...INTERFACE, resets: 2, unplugs: 1, plugs: 1 } });
  assertMatch(device, /, resets 2, unplugs 1, plugs 1$/);
});

Deno.test("queues have a line each where there are several", () => {
  const queue = { packets: 2, bytes: 120, drops: {}, ring: { size: 8, used: 5 } };
  const netdev = netdevStats({ rxQueues: [queue, { ...queue, packets: 1 }], txQueues: [queue] });
  assertEquals(lines({ netdev }).slice(0, 3), [
    "  device   rx packets 3, rx bytes 240, tx packets 2, tx bytes 120",
    "  rx 0     packets 2, bytes 120, ring used 5",
    "  rx 1     packets 1, bytes 120, ring used 5",
  ]);
});

Deno.test("how a queue was polled is told of a single one as well", () => {
  const polled = { ...INTERFACE, rxPolls: [{ polls: 9, squeezes: 0 }] };
  assertEquals(lines({ interface: polled })[1], "  rx 0     polls 9");
});

Deno.test("of several devices each has lines of its own, and the loop is told once", () => {
  const second = { ...DEVICE, device: "net1", host: { ...HOST, drops: {} } };
  const text = countersText({ devices: [DEVICE, second], loop: { rounds: 5 } });
  const device = "rx packets 3, rx bytes 180, rx errors 4, interrupts 2, config interrupts 1, " +
    "kicks 1, kicks suppressed 5";
  assertEquals(text.split("\n"), [
    `  net0 device  ${device}`,
    "  net0 stack   arp requests answered 1",
    "  net0 dropped rx too long 4, tx ring full 7, ipv4 fragment 2",
    `  net1 device  ${device}`,
    "  net1 stack   arp requests answered 1",
    "  net1 dropped rx too long 4, tx ring full 7",
    "  loop         rounds 5",
  ]);
});
