import { assertEquals } from "@std/assert";
import { E100Link, frame } from "./e100_link.ts";

/** From one look to the next, in milliseconds. */
const LOOK = 2000;

Deno.test("the watchdog wants to be called every two seconds, and does nothing in between", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  assertEquals(netdev.watchdog(1000), 1000 + LOOK);
  const before = model.accesses;
  assertEquals([netdev.watchdog(1500), model.accesses], [1000 + LOOK, before]);
  assertEquals([netdev.watchdog(1000 + LOOK), model.accesses > before], [1000 + 2 * LOOK, true]);
});

Deno.test("a link that goes down and up is told each time, and known in between", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  netdev.watchdog(0);
  assertEquals(netdev.linkGet(), true);
  model.phy.linkUp = false;
  netdev.watchdog(LOOK);
  netdev.watchdog(2 * LOOK);
  assertEquals(netdev.linkGet(), false);
  model.phy.linkUp = true;
  netdev.watchdog(3 * LOOK);
  assertEquals([netdev.linkGet(), link.events], [true, ["link down", "link up"]]);
});

Deno.test("a transmitter that does nothing is noticed, told once, and works after a restart", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  netdev.watchdog(0);
  model.carriesOut = false;
  link.send(link.packet(frame(60, 1)));
  netdev.watchdog(LOOK);
  assertEquals(link.events, [], "it may have been sent just now");
  assertEquals(netdev.watchdog(2 * LOOK), 2 * LOOK, "the failure isn't left until later");
  netdev.watchdog(3 * LOOK);
  assertEquals(link.events, ["the model has sent nothing for 2 s"]);
  netdev.stop();
  model.carriesOut = true;
  netdev.start();
  link.send(link.packet(frame(60, 2)));
  assertEquals(model.sent, [[...frame(60, 2)]]);
  assertEquals(link.fact("transmitter resets"), "2");
});

Deno.test("a transmitter that is slow, or has nothing to do, isn't stuck", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  netdev.watchdog(0);
  for (let look = 1; look < 5; look++) {
    model.carriesOut = false;
    link.send(link.packet(frame(60, look)));
    netdev.watchdog(look * LOOK);
    model.carryOn();
  }
  for (let look = 5; look < 9; look++) netdev.watchdog(look * LOOK);
  assertEquals(link.events, []);
});

Deno.test("the card's own counters are dumped and told", () => {
  const link = new E100Link();
  const { model } = link;
  model.receive(frame(60));
  link.send(link.packet(frame(60)), link.packet(frame(60)));
  for (let i = 0; i < 20; i++) model.receive(frame(60, i));
  assertEquals([link.fact("tx good frames"), link.fact("rx good frames")], ["2", "15"]);
  assertEquals(link.fact("rx resource errors"), "6");
});

Deno.test("counters that are half written are not taken", () => {
  const link = new E100Link();
  const { model } = link;
  link.send(link.packet(frame(60)));
  assertEquals(link.fact("tx good frames"), "1");
  model.marksDumps = false;
  link.send(link.packet(frame(60)));
  assertEquals(link.fact("tx good frames"), "1");
  model.marksDumps = true;
  assertEquals(link.fact("tx good frames"), "2");
});

Deno.test("the watchdog's own questions don't interrupt", () => {
  const { model, netdev } = new E100Link();
  netdev.watchdog(0);
  netdev.rxqIntrEnable(0);
  netdev.watchdog(LOOK);
  assertEquals(model.asserted, false);
});

Deno.test("counters that never come are not waited for", () => {
  const link = new E100Link();
  link.model.dumps = false;
  link.netdev.watchdog(0);
  link.netdev.watchdog(LOOK);
  assertEquals([link.fact("tx good frames"), link.events], ["0", []]);
});

Deno.test("a card that was pulled out while nothing happened is noticed", () => {
  const link = new E100Link();
  link.netdev.watchdog(0);
  link.model.gone = true;
  link.netdev.watchdog(LOOK);
  assertEquals(link.events, ["the model is gone"]);
});

Deno.test("a management interface that broke is a failure, told once", () => {
  const link = new E100Link();
  link.netdev.watchdog(0);
  link.model.phy.answers = false;
  link.netdev.watchdog(LOOK);
  link.netdev.watchdog(2 * LOOK);
  assertEquals(link.events, ["the model failed: register 1 of PHY 1 is not read in time"]);
});

Deno.test("a frame whose interrupt was lost is polled for, and the receive unit restarted", () => {
  let events = 0;
  const link = new E100Link({ rxDescriptors: 8, onEvent: () => void events++ });
  const { model, netdev } = link;
  netdev.watchdog(0);
  assertEquals(netdev.rxqIntrEnable(0), 0);
  // More than it has descriptors for: it stops.
  for (let i = 0; i < 9; i++) model.receive(frame(60, i));
  assertEquals(events, 0, "nobody was told");
  netdev.watchdog(LOOK);
  assertEquals([events, link.received().length], [1, 6], "up to the end of the list");
  assertEquals(model.receive(frame(60)), true);
  assertEquals(link.received().length, 1);
});
