import { assertEquals } from "@std/assert";
import { countersText } from "../../app/counters_text.ts";
import { counted } from "./counted.ts";

const NETDEV = counted();

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

Deno.test("what isn't zero is told in words, a line for each part", () => {
  const text = countersText({ netdev: NETDEV, host: HOST, loop: { rounds: 5, squeezes: 0 } });
  assertEquals(text.split("\n"), [
    "  device   rx packets 3, rx bytes 180, rx errors 4, interrupts 2, config interrupts 1, " +
    "kicks 1, kicks suppressed 5, rx too long 4",
    "  stack    arp requests answered 1",
    "  dropped  ipv4 fragment 2",
    "  loop     rounds 5",
  ]);
});

Deno.test("a part in which nothing happened says so", () => {
  const text = countersText({ netdev: NETDEV, host: { ...HOST, drops: {} }, loop: {} });
  assertEquals(text.split("\n").slice(2), ["  dropped  nothing", "  loop     nothing"]);
});
