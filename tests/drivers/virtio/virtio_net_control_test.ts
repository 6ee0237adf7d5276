import { assert, assertEquals, assertThrows } from "@std/assert";
import { ReceiveMode } from "../../../drivers/virtio/virtio_net_commands.ts";
import { NetdevState } from "../../../netdev/netdev_types.ts";
import { VIRTIO_F_VERSION_1 } from "../../device/virtio_model.ts";
import {
  CONTROL_FEATURES,
  NET_FEATURES,
  NET_MAC,
  VIRTIO_NET_F_CTRL_MAC_ADDR,
  VIRTIO_NET_F_CTRL_RX,
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_STATUS,
} from "../../device/virtio_net_model.ts";
import { configureOnePair } from "../../netdev/one_pair.ts";
import { assertRefused } from "../../netdev/refuses.ts";
import { frame, NetLink, type NetLinkOptions, ProbedNet } from "./net_link.ts";

const OTHER_MAC = Uint8Array.of(2, 0, 0, 0, 0, 9);
const GROUP = Uint8Array.of(1, 0, 0x5e, 0, 0, 0xfb);
const BROADCAST = new Uint8Array(6).fill(0xff);

function controlled(options: NetLinkOptions = {}): NetLink {
  return new NetLink({ more: CONTROL_FEATURES, ...options });
}

/** A frame to `to`, perhaps tagged for a VLAN. */
function frameTo(to: readonly number[] | Uint8Array, vlan?: number): Uint8Array {
  const bytes = frame(64);
  bytes.set(to);
  if (vlan !== undefined) bytes.set([0x81, 0, 0x20 | vlan >>> 8, vlan & 0xff], 12);
  return bytes;
}

Deno.test("a card that can filter is told to, after DRIVER_OK, and then gets its first buffers", () => {
  const link = controlled();
  assertEquals(link.model.calls.slice(-4), ["queue 2", "status 15", "kick 2", "kick 0"]);
  assertEquals(link.model.control.commands, ["0.0 00"]);
  assertEquals(link.netdev.promiscuousGet(), false);
  assert(link.model.receive(frameTo(NET_MAC)));
  assert(link.model.receive(frameTo(BROADCAST)));
  assert(!link.model.receive(frameTo(OTHER_MAC)));
  assert(!link.model.receive(frameTo(GROUP)));
});

Deno.test("promiscuousSet() has frames for others passed on, and no more", () => {
  const link = controlled();
  link.netdev.promiscuousSet(true);
  assertEquals(link.netdev.promiscuousGet(), true);
  assert(link.model.receive(frameTo(OTHER_MAC)));
  link.netdev.promiscuousSet(false);
  assertEquals(link.netdev.promiscuousGet(), false);
  assert(!link.model.receive(frameTo(OTHER_MAC)));
});

Deno.test("without CTRL_RX a card is promiscuous, and can't be told not to be", () => {
  for (const more of [0n, VIRTIO_NET_F_CTRL_VQ]) {
    const link = new NetLink({ more });
    assertEquals(link.netdev.promiscuousGet(), true);
    assertRefused("ENOTSUP", () => link.netdev.promiscuousSet(false));
    assertRefused("ENOTSUP", () => link.netdev.hwaddrSet(OTHER_MAC));
    assertRefused("ENOTSUP", () => link.driver.control.setMode(ReceiveMode.ALLMULTI, true));
    assertRefused("ENOTSUP", () => link.driver.control.setGroups([GROUP]));
    assertRefused("ENOTSUP", () => link.driver.control.setVlan(1, true));
    assertRefused(
      "ENOTSUP",
      () => link.driver.control.setCoalescing("rx", { maxPackets: 32, maxMicroseconds: 70_000 }),
    );
    assertRefused("ENOTSUP", () => link.driver.control.queueCoalescing(0));
    assertEquals(link.model.control.commands, []);
  }
});

Deno.test("a card that will not be told to filter is run as promiscuous", () => {
  const net = new ProbedNet({ more: CONTROL_FEATURES });
  net.model.control.script = { answer: ({ name }) => name === "0.0" ? 1 : null };
  run(net);
  assertEquals(net.netdev.promiscuousGet(), true);
});

Deno.test("hwaddrSet() makes the card another station, by ADDR_SET", () => {
  const link = controlled();
  const mac = OTHER_MAC.slice();
  link.netdev.hwaddrSet(mac);
  mac[5]++;
  assertEquals([...link.netdev.hwaddrGet()], [...OTHER_MAC]);
  assertEquals(link.model.control.commands.at(-1), "1.1 020000000009");
  assert(link.model.receive(frameTo(OTHER_MAC)));
  assert(!link.model.receive(frameTo(NET_MAC)));
});

Deno.test("hwaddrSet() without CTRL_MAC_ADDR adds the address to the table", () => {
  const link = controlled({ more: VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_RX });
  link.netdev.hwaddrSet(OTHER_MAC);
  assertEquals(link.model.control.commands.at(-1), "1.0 0100000002000000000900000000");
  assert(link.model.receive(frameTo(OTHER_MAC)));
  link.netdev.stop();
  link.netdev.start();
  assert(link.model.receive(frameTo(OTHER_MAC)));
  link.netdev.hwaddrSet(Uint8Array.from(NET_MAC));
  assert(!link.model.receive(frameTo(OTHER_MAC)));
  assert(link.model.receive(frameTo(NET_MAC)));
});

Deno.test("what is set before the start is told at the start", () => {
  const net = new ProbedNet({ more: CONTROL_FEATURES });
  net.netdev.probe();
  net.netdev.configure({ rxQueues: 1, txQueues: 1 });
  net.netdev.hwaddrSet(OTHER_MAC);
  net.netdev.promiscuousSet(true);
  assertEquals([...net.netdev.hwaddrGet()], [...OTHER_MAC]);
  assertEquals(net.model.control.commands, []);
  const pool = net.netdev.poolCreate({ count: 16 });
  net.netdev.rxqConfigure(0, 0, { pool });
  net.netdev.txqConfigure(0, 0);
  net.netdev.start();
  assertEquals(net.model.control.commands, ["0.0 01", "1.1 020000000009"]);
});

Deno.test("receive modes, groups and VLANs are obeyed", () => {
  const { model, driver } = controlled();
  driver.tell((control) => control.setGroups([GROUP]));
  assert(model.receive(frameTo(GROUP)));
  driver.tell((control) => control.setMode(ReceiveMode.NOBCAST, true));
  assert(!model.receive(frameTo(BROADCAST)));
  driver.tell((control) => control.setMode(ReceiveMode.NOBCAST, false));
  assert(model.receive(frameTo(BROADCAST)));
  driver.tell((control) => control.setGroups([]));
  assert(!model.receive(frameTo(GROUP)));
  driver.tell((control) => control.setMode(ReceiveMode.ALLMULTI, true));
  assert(model.receive(frameTo(GROUP)));
  driver.tell((control) => control.setMode(ReceiveMode.PROMISC, true));
  assertEquals(driver.promiscuousGet(), true);
  driver.tell((control) => control.setMode(ReceiveMode.PROMISC, false));
  assert(!model.receive(frameTo(NET_MAC, 0x123)));
  driver.tell((control) => control.setVlan(0x123, true));
  assert(model.receive(frameTo(NET_MAC, 0x123)));
  assert(!model.receive(frameTo(NET_MAC, 0x122)));
  driver.tell((control) => control.setVlan(0x123, false));
  assert(!model.receive(frameTo(NET_MAC, 0x123)));
  for (const vlan of [-1, 4096, 1.5]) {
    assertRefused("EINVAL", () => driver.control.setVlan(vlan, true));
  }
});

Deno.test("all that the card was told it's told again after a reset, and only that", () => {
  const { model, driver, netdev } = controlled();
  netdev.hwaddrSet(OTHER_MAC);
  driver.tell((control) => {
    control.setMode(ReceiveMode.ALLMULTI, true);
    control.setMode(ReceiveMode.NOUNI, true);
    control.setMode(ReceiveMode.NOUNI, false);
    control.setGroups([GROUP]);
    for (const vlan of [1, 2, 4095]) control.setVlan(vlan, true);
    control.setVlan(2, false);
  });
  const before = state(model.card);
  for (let i = 0; i < 3; i++) {
    netdev.stop();
    model.control.commands.length = 0;
    netdev.start();
    assertEquals(state(model.card), before);
    assertEquals(model.control.commands, [
      "0.0 00",
      "0.1 01",
      "1.1 020000000009",
      "1.0 000000000100000001005e0000fb",
      "2.0 0100",
      "2.0 ff0f",
    ]);
  }
});

function state(
  card: { readonly mac: string; readonly modes: ReadonlySet<string> } & object,
): unknown {
  const { mac, modes } = card;
  return { mac, modes: [...modes], card: JSON.stringify(card) };
}

Deno.test("what a card refuses is EIO, changes nothing, and is not told again", () => {
  const link = controlled();
  link.model.control.script = { answer: () => 1 };
  assertRefused("EIO", () => link.netdev.promiscuousSet(true));
  assertRefused("EIO", () => link.netdev.hwaddrSet(OTHER_MAC));
  assertRefused("EIO", () => link.driver.control.setVlan(5, true));
  assertRefused("EIO", () => link.driver.control.setGroups([GROUP]));
  assertEquals(link.netdev.promiscuousGet(), false);
  assertEquals([...link.netdev.hwaddrGet()], [...NET_MAC]);
  assertEquals(link.events, [], "a refusal is no failure");
  link.model.control.script = {};
  link.model.control.commands.length = 0;
  link.netdev.stop();
  link.netdev.start();
  assertEquals(link.model.control.commands, ["0.0 00"]);
});

Deno.test("a card that answers no command has failed, which is told, and a restart mends it", () => {
  const link = controlled();
  link.model.control.script = { answer: () => "silence" };
  assertRefused("EIO", () => link.netdev.promiscuousSet(true));
  assertRefused("EIO", () => link.netdev.promiscuousSet(true));
  assertEquals(link.events, [
    "model does not obey: model did not answer control command 0.0 within 2000 ms",
  ]);
  link.model.control.script = {};
  link.netdev.stop();
  link.netdev.start();
  link.netdev.promiscuousSet(true);
  assert(link.model.card.modes.has("promisc"));
});

Deno.test("a start whose commands aren't answered fails, with all netbufs back, and can be tried again", () => {
  const link = controlled();
  link.netdev.stop();
  link.model.control.script = { answer: () => "silence" };
  assertRefused("EIO", () => link.netdev.start());
  assertEquals(link.netdev.state, NetdevState.CONFIGURED);
  assertEquals(link.pool.available, link.pool.size);
  assertEquals(Number(link.model.calls.at(-1)?.split(" ")[1]) & 128, 128, "FAILED");
  link.model.control.script = {};
  link.netdev.start();
  assert(link.model.receive(frameTo(NET_MAC)));
});

Deno.test("a card that is live when its start fails is reset, as FAILED stops no device", () => {
  const link = controlled();
  link.netdev.stop();
  link.model.control.script.answer = () => "silence";
  assertRefused("EIO", () => link.netdev.start());
  assertThrows(() => link.model.needLive(), Error, "not live");
  // DRIVER_OK, the reset, and then FAILED (virtio 1.2 §2.1).
  const statuses = link.model.calls.filter((call) => call.startsWith("status"));
  assertEquals(statuses.slice(-3), ["status 15", "status 0", "status 128"]);
});

Deno.test("a card that no longer takes the address it had is not started", () => {
  const link = controlled();
  link.netdev.hwaddrSet(OTHER_MAC);
  link.netdev.stop();
  link.model.control.script = { answer: ({ name }) => name === "1.1" ? 1 : null };
  assertRefused("EIO", () => link.netdev.start());
});

Deno.test("a card without an address has the one that was asked for, and is told it", () => {
  const features = VIRTIO_F_VERSION_1 | VIRTIO_NET_F_STATUS;
  const link = new NetLink({
    features,
    more: VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_CTRL_MAC_ADDR | VIRTIO_NET_F_CTRL_RX,
    mac: OTHER_MAC,
  });
  assertEquals([...link.netdev.hwaddrGet()], [...OTHER_MAC]);
  assertEquals(link.model.control.commands, ["0.0 00", "1.1 020000000009"]);
  assert(link.model.receive(frameTo(OTHER_MAC)));
});

Deno.test("a card without an address has a random one of its own, which stays over resets", () => {
  const macs = Array.from({ length: 8 }, () => {
    const link = new NetLink({ features: VIRTIO_F_VERSION_1 | VIRTIO_NET_F_STATUS });
    const mac = link.netdev.hwaddrGet();
    assertEquals([mac.length, mac[0] & 3], [6, 2], "locally administered, of one station");
    link.netdev.stop();
    link.netdev.start();
    assertEquals([...link.netdev.hwaddrGet()], [...mac]);
    return mac.join();
  });
  assertEquals(new Set(macs).size, 8);
});

Deno.test("mtuSet() lets shorter packets out only, and no longer ones than the device's", () => {
  const link = new NetLink({ more: NET_FEATURES });
  link.netdev.mtuSet(100);
  assertEquals(link.netdev.mtuGet(), 100);
  assertEquals(link.send(link.packet(frame(114)), link.packet(frame(115))), 2);
  assertEquals(link.model.transmit().map(({ frame }) => frame.length), [114]);
  assertEquals(link.netdev.statsGet().drops.tx_too_long, 1);
  assertRefused("EINVAL", () => link.netdev.mtuSet(1501));
  link.netdev.mtuSet(1500);
  link.send(link.packet(frame(1514)));
  assertEquals(link.model.transmit().length, 1);
});

Deno.test("close() gives the memory of the control queue back, as reset() does", () => {
  const free = new ProbedNet({ more: CONTROL_FEATURES }).model.dma.available;
  const link = controlled();
  link.netdev.reset();
  assertEquals(link.model.dma.available, free);
  link.netdev.configure({ rxQueues: 1, txQueues: 1 });
  assert(link.model.dma.available < free);
  link.netdev.close();
  assertEquals(link.model.dma.available, free);
});

for (const size of [0, 2, 24, 65535]) {
  Deno.test(`a device with a control queue of ${size} is EIO, and takes no memory`, () => {
    const net = new ProbedNet({ more: CONTROL_FEATURES, queueSizes: [8, 8, size] });
    const { available } = net.model.dma;
    net.netdev.probe();
    assertRefused("EIO", () => net.netdev.configure({ rxQueues: 1, txQueues: 1 }));
    assertEquals(net.model.dma.available, available);
    assertEquals(net.netdev.state, NetdevState.UNCONFIGURED);
  });
}

function run(net: ProbedNet): void {
  net.netdev.probe();
  configureOnePair(net.netdev, 16);
  net.netdev.start();
}
