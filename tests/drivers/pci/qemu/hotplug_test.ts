import { assert, assertEquals, assertRejects } from "@std/assert";
import type { PciDevice } from "../../../../drivers/pci/pci_device.ts";
import { listenAbstract } from "../../../../drivers/ffi/unix_socket.ts";
import { hubPortName } from "../../../../drivers/hub/hub_port.ts";
import { QemuError } from "../../../../drivers/pci/qemu/qemu_error.ts";
import { QemuHost } from "../../../../drivers/pci/qemu/qemu_host.ts";
import { uniqueHub } from "../../../integration/appliance.ts";
import { BareHost } from "./bare_host.ts";

const I82550 = { vendorId: 0x8086, deviceId: 0x1209, driverData: null };

/** Has a driver take the card up, and the bus watched; what happens is written down. */
function watch({ bus, host }: BareHost): string[] {
  const events: string[] = [];
  bus.registerDriver({
    name: "driver",
    ids: [I82550],
    probe: (device: PciDevice) => {
      device.requestRegions("driver");
      device.enable();
      events.push(`probe ${device.name}`);
    },
    remove: (device: PciDevice) => {
      // The card is still there, and can be silenced.
      events.push(`remove ${device.name} ${device.mapBar(0).read32(0) === 0xffff_ffff}`);
      device.release();
    },
  });
  host.watchSlots({
    slotsChanged: () => events.push(`arrived ${bus.rescan().arrived.map(({ name }) => name)}`),
    ejectRequested: (slot) =>
      events.push(`pulled ${slot}: ${bus.removeSlot(slot).map(({ name }) => name)}`),
  });
  bus.probe();
  return events;
}

Deno.test("a card that is pulled is let go of first; one that is put in is taken up", async () => {
  await using bare = await BareHost.start("i82550");
  const events = watch(bare);
  assertEquals(events.splice(0), ["probe 00:02.0"]);

  bare.operator.execute("device_del", { id: "nic" });
  assert(await bare.until(() => events.length === 2), `${events}`);
  const { data } = bare.operator.event("DEVICE_DELETED");
  assertEquals(data, { device: "nic", path: "/machine/peripheral/nic" });
  assertEquals(events.splice(0), ["remove 00:02.0 false", "pulled 2: 00:02.0"]);
  assertEquals(bare.cards(), []);
  assert(await bare.quiet());

  const card = { driver: "i82550", id: "nic", netdev: "nic-port", romfile: "" };
  bare.operator.execute("device_add", { ...card, addr: "5" });
  assert(await bare.until(() => events.length === 2), `${events}`);
  assertEquals(events.splice(0), ["probe 00:05.0", "arrived 00:05.0"]);
  assert(await bare.quiet());
});

Deno.test("a card comes and goes ten times, and leaves its place on the bus each time", async () => {
  await using bare = await BareHost.start("i82550");
  const events = watch(bare);
  const card = { driver: "i82550", id: "nic", netdev: "nic-port", romfile: "" };
  for (let round = 0; round < 10; round++) {
    events.splice(0);
    bare.operator.execute("device_del", { id: "nic" });
    assert(await bare.until(() => events.length === 2), `${round}: ${events}`);
    bare.operator.event("DEVICE_DELETED");
    bare.operator.execute("device_add", card);
    assert(await bare.until(() => events.length === 4), `${round}: ${events}`);
  }
  const [device] = bare.cards();
  assertEquals(device.name, "00:02.0");
});

Deno.test("what is pulled and put in before anyone watches is told to the watcher", async () => {
  await using bare = await BareHost.start("i82550");
  bare.operator.execute("device_del", { id: "nic" });
  bare.operator.execute("device_add", { driver: "i82550", id: "second", addr: "6" });
  const events = watch(bare);
  assert(await bare.until(() => events.includes("pulled 2: 00:02.0")), `${events}`);
  assertEquals(bare.cards().map(({ name }) => name), ["00:06.0"]);
});

Deno.test("a slot without a driver is let go of", async () => {
  await using bare = await BareHost.start("virtio-net-pci");
  const events = watch(bare);
  bare.operator.execute("device_del", { id: "nic" });
  assert(await bare.until(() => events.length === 1), `${events}`);
  assertEquals(events, ["pulled 2: "]);
  bare.operator.event("DEVICE_DELETED");
});

Deno.test("a monitor whose name is taken is a QemuError that says what to do", async () => {
  await using bare = await BareHost.start("i82550");
  const monitor = `${bare.hub}-monitor`;
  const hub = uniqueHub();
  const nic = { model: "i82550", mac: "02:75:0a:00:02:0f", mtu: 1500 };
  const options = { nic, netdev: "hubport,hubid=1", hub, monitor, onGone: () => {} };
  const message = `monitor "${monitor}" is taken already: give this one --monitor=NAME`;
  await assertRejects(() => QemuHost.start(options, bare.waiter), QemuError, message);
  // The hub that was listened on before is free again.
  listenAbstract(hubPortName(hub, 0), 1)[Symbol.dispose]();
});
