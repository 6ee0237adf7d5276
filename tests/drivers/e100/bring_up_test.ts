import { assert, assertEquals, assertMatch, assertThrows } from "@std/assert";
import { E100Error } from "../../../drivers/e100/e100_error.ts";
import { E100Netdev } from "../../../drivers/e100/e100_netdev.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import { NetdevRegistry } from "../../../netdev/netdev_registry.ts";
import { NetdevState } from "../../../netdev/netdev_types.ts";
import { E100Model } from "../../device/e100_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";
import { E100Card, E100Link } from "./e100_link.ts";

const MAC = [0x52, 0x55, 0x0a, 0x00, 0x02, 0x01];

Deno.test("a probe tells what the card is", () => {
  const { netdev } = new E100Card();
  netdev.probe();
  const details = netdev.detailsGet();
  const facts = new Map(details?.facts);
  assertEquals(facts.get("chip"), "82550 or 82551");
  assertEquals(facts.get("revision"), "14");
  assertMatch(facts.get("EEPROM") ?? "", /^64 words, checksum 0x[0-9a-f]{4}$/);
  assertEquals(facts.get("PHY"), "1, id 0x02a80154");
  const info = netdev.infoGet();
  assertEquals([info.maxRxQueues, info.maxTxQueues, info.maxMtu, info.encapTx], [1, 1, 1500, 0]);
});

Deno.test("the MAC address is the EEPROM's, and the card is told so", () => {
  const model = new E100Model([0x02, 0x75, 0x0a, 0x00, 0x02, 0x0f]);
  const { netdev } = new E100Link({}, model);
  assertEquals([...netdev.hwaddrGet()], [0x02, 0x75, 0x0a, 0x00, 0x02, 0x0f]);
  assertEquals(model.address, netdev.hwaddrGet());
});

Deno.test("start: bases, counters, then three commands and the receive unit", () => {
  const model = new E100Model();
  const { netdev } = new E100Link({}, model);
  model.commands.length = 0;
  netdev.stop();
  netdev.start();
  assertEquals(model.commands, [0x60, 0x06, 0x40, 0x10, 0x20, 0x20, 0x01]);
  assertEquals([model.configuration[0], model.ready, model.listened], [22, true, true]);
});

Deno.test("another address and promiscuous are told to a running card, and to one started later", () => {
  const link = new E100Link();
  const { model, netdev } = link;
  netdev.hwaddrSet(Uint8Array.of(2, 3, 4, 5, 6, 7));
  netdev.promiscuousSet(true);
  assertEquals([[...model.address], model.configuration[15] & 1], [[2, 3, 4, 5, 6, 7], 1]);
  netdev.stop();
  netdev.promiscuousSet(false);
  netdev.hwaddrSet(Uint8Array.of(2, 3, 4, 5, 6, 8));
  netdev.start();
  assertEquals([[...model.address], model.configuration[15] & 1], [[2, 3, 4, 5, 6, 8], 0]);
});

Deno.test("a self-test that fails, or never ends, is an error that tells where", () => {
  const failing = new E100Model();
  failing.selfTestResult = 0x1000;
  const one = new E100Card(failing);
  assertThrows(() => one.netdev.probe(), E100Error, "the model: the self-test failed with 0x1000");
  assertEquals([failing.mastering, one.netdev.state], [false, NetdevState.UNPROBED]);
  const silent = new E100Model();
  silent.selfTestAnswers = false;
  assertThrows(() => new E100Card(silent).netdev.probe(), E100Error, "no result of the self-test");
});

Deno.test("a bad EEPROM is an error; once it's right the card can be probed", () => {
  const model = new E100Model();
  model.eeprom.words[5] ^= 1;
  const { netdev } = new E100Card(model);
  assertThrows(() => netdev.probe(), E100Error, "add up to");
  model.eeprom.words[5] ^= 1;
  netdev.probe();
  assertEquals(netdev.state, NetdevState.UNCONFIGURED);
});

Deno.test("an EEPROM with an address that no host can have is refused", () => {
  assertThrows(
    () => new E100Card(new E100Model([0xff, 0xff, 0xff, 0xff, 0xff, 0xff])).netdev.probe(),
    NetdevError,
    "no unicast MAC address",
  );
});

Deno.test("a card that takes no commands doesn't start, and nothing is left behind", () => {
  const link = new E100Link();
  const { model, netdev, pool } = link;
  netdev.stop();
  model.acceptsCommands = false;
  assertThrows(() => netdev.start(), E100Error, "the model: it doesn't take");
  assertEquals([netdev.state, pool.available, model.mastering], [
    NetdevState.CONFIGURED,
    pool.size,
    false,
  ]);
  model.acceptsCommands = true;
  netdev.start();
  assertEquals(model.ready, true);
});

Deno.test("a card whose command unit is dead doesn't start", () => {
  const link = new E100Link();
  link.netdev.stop();
  link.model.carriesOut = false;
  const { code } = assertThrows(() => link.netdev.start(), NetdevError, "its configuration");
  assertEquals([code, link.pool.available], ["EIO", link.pool.size]);
});

Deno.test("a card that is gone is ENODEV, and is let go of without a touch", () => {
  const link = new E100Link();
  const { model, netdev, pool } = link;
  model.gone = true;
  const before = model.accesses;
  netdev.stop();
  assertEquals([model.accesses, pool.available], [before, pool.size]);
  const { code } = assertThrows(() => netdev.start(), NetdevError, "the model is gone");
  assertEquals(code, "ENODEV");
  netdev.close();
  assertEquals([model.accesses, model.released], [before, true]);
});

Deno.test("stop: the card reaches no memory, and every netbuf is back", () => {
  const link = new E100Link();
  const { model, netdev, pool } = link;
  model.carriesOut = false;
  link.send(link.packet(new Uint8Array(60)), link.packet(new Uint8Array(60)));
  netdev.stop();
  assertEquals([pool.available, model.mastering, model.listened], [pool.size, false, false]);
  model.carriesOut = true;
  netdev.start();
  link.send(link.packet(Uint8Array.from({ length: 60 }, (_, i) => i)));
  assertEquals(model.sent, [Array.from({ length: 60 }, (_, i) => i)]);
});

Deno.test("close gives all memory back", () => {
  const model = new E100Model();
  const before = model.dma.available;
  const link = new E100Link({}, model);
  assert(model.dma.available < before);
  link.netdev.close();
  assertEquals([model.dma.available, model.released], [before, true]);
});

Deno.test("a pool of smaller netbufs than a frame is refused, and another device's pool", () => {
  const { netdev } = new E100Card();
  netdev.probe();
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  const small = netdev.poolCreate({ count: 16, stride: 1536 });
  assertThrows(() => netdev.rxqConfigure(0, 0, { pool: small }), NetdevError, "1470 bytes");
  const { pool } = new E100Link();
  assertThrows(() => netdev.rxqConfigure(0, 0, { pool }), NetdevError, "not this device's");
});

Deno.test("an MTU that Ethernet doesn't have is refused", () => {
  assertThrows(() => new E100Netdev(new E100Model(), new FakeClock(), {}, 9000), NetdevError);
  const driver = new E100Netdev(new E100Model(), new FakeClock(), {}, 1400);
  const netdev = new NetdevRegistry().drvRegister(driver.device);
  netdev.probe();
  netdev.configure({ rxQueues: 1, txQueues: 1 });
  assertEquals(netdev.mtuGet(), 1400);
  netdev.mtuSet(1500);
  assertEquals(netdev.mtuGet(), 1500);
  assertEquals([...netdev.hwaddrGet()], MAC);
});
