import { assert, assertEquals, assertThrows } from "@std/assert";
import { CardSlot } from "../../app/card_slot.ts";
import { PciBus } from "../../drivers/pci/pci_bus.ts";
import type { PciDevice } from "../../drivers/pci/pci_device.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { NetdevState } from "../../netdev/netdev_types.ts";
import { FakePciFunction } from "../device/fake_pci_function.ts";
import { FakePciHost } from "../device/fake_pci_host.ts";
import { fakeDevice, FakeDriver } from "../netdev/fake_driver.ts";

const VENDOR = 0x1af4;
const WANTED = 0x1041;
const OTHER = 0x1001;

/** A bus with a slot watcher on it, and a driver that makes a netdev of each wanted function. */
class Slots {
  readonly host = new FakePciHost();
  readonly registry = new NetdevRegistry();
  readonly slot: CardSlot;
  /** What the slot had to tell, in order. */
  readonly events: string[] = [];
  /** What plugging a card in comes to, beyond being told of. */
  onPlug: (netdev: Netdev) => void = () => {};
  readonly #netdevs = new Map<PciDevice, Netdev>();

  constructor() {
    const bus = new PciBus(this.host);
    this.slot = new CardSlot(bus, {
      onUnplug: () => this.events.push("unplug"),
      onPlug: (netdev) => {
        this.events.push(`plug ${netdev.id}`);
        this.onPlug(netdev);
      },
      onUnusable: (reason) => this.events.push(reason),
    });
    bus.registerDriver({
      name: "driver",
      ids: [{ vendorId: VENDOR, deviceId: WANTED, driverData: null }],
      probe: (device) => {
        const netdev = this.registry.drvRegister(fakeDevice(new FakeDriver()));
        this.#netdevs.set(device, netdev);
        this.slot.registered(netdev);
      },
      remove: (device) => {
        const netdev = this.#netdevs.get(device);
        assert(netdev !== undefined);
        this.events.push(`remove ${netdev.id}`);
        netdev.close();
        this.registry.drvUnregister(netdev);
      },
    });
  }

  /** Puts a function in, of which nobody is told yet. */
  put(device: number, deviceId: number): void {
    this.host.plug(device, 0, new FakePciFunction({ vendorId: VENDOR, deviceId }));
  }

  /** What the slot has told since this was asked the last time. */
  told(): string[] {
    return this.events.splice(0);
  }
}

/** With a card in slot 2, found and probed. */
function withCard(): Slots {
  const slots = new Slots();
  slots.put(2, WANTED);
  slots.slot.find().netdev.probe();
  return slots;
}

Deno.test("a bus without a card that a driver wants is ENODEV", () => {
  const slots = new Slots();
  slots.put(2, OTHER);
  const error = assertThrows(() => slots.slot.find(), NetdevError);
  assertEquals(error.code, "ENODEV");
});

Deno.test("of two cards the first is found, and the other one let go of", () => {
  const slots = new Slots();
  slots.put(2, WANTED);
  slots.put(5, WANTED);
  const { device, netdev } = slots.slot.find();
  assertEquals([device.name, netdev.id, netdev.state], ["00:02.0", 0, NetdevState.UNPROBED]);
  assertEquals([slots.told(), slots.registry.count()], [["remove 1"], 1]);
});

Deno.test("a card that is to be ejected is parted with, and the next one probed and told of", () => {
  const slots = withCard();
  slots.slot.ejectRequested(7);
  assertEquals(slots.told(), [], "another slot is none of ours");
  slots.slot.ejectRequested(2);
  assertEquals(slots.told(), ["unplug", "remove 0"]);
  slots.host.unplug(2, 0);
  slots.put(9, WANTED);
  slots.slot.slotsChanged();
  assertEquals(slots.told(), ["plug 1"]);
  assertEquals(slots.registry.get(1).state, NetdevState.UNCONFIGURED);
});

Deno.test("a card that is gone without a word is parted with", () => {
  const slots = withCard();
  slots.host.unplug(2, 0);
  slots.slot.slotsChanged();
  assertEquals(slots.told(), ["unplug", "remove 0"]);
});

Deno.test("a card that no driver wants is told of once, beside a card or in its place", () => {
  const slots = withCard();
  slots.put(6, OTHER);
  slots.slot.slotsChanged();
  slots.slot.slotsChanged();
  assertEquals(slots.told(), ["no driver wants the card 1af4:1001 at pci 00:06.0"]);
  slots.slot.ejectRequested(2);
  slots.put(2, OTHER);
  slots.slot.slotsChanged();
  assertEquals(slots.told(), [
    "unplug",
    "remove 0",
    "no driver wants the card 1af4:1001 at pci 00:02.0",
  ]);
  slots.put(2, WANTED);
  slots.slot.slotsChanged();
  assertEquals(slots.told(), ["plug 1"]);
});

Deno.test("a card that the host can't use is told of, let go of, and the next one taken", () => {
  const slots = withCard();
  slots.slot.ejectRequested(2);
  slots.host.unplug(2, 0);
  slots.told();
  slots.onPlug = () => {
    throw new Error("too small");
  };
  slots.put(2, WANTED);
  slots.slot.slotsChanged();
  assertEquals(slots.told(), ["plug 1", "remove 1", "too small"]);
  slots.onPlug = () => {};
  slots.slot.slotsChanged();
  assertEquals(slots.told(), ["plug 2"]);
});

Deno.test("close() has the driver let go of the card, and does nothing the second time", () => {
  const slots = withCard();
  slots.slot.close();
  slots.slot.close();
  assertEquals([slots.told(), slots.registry.count()], [["remove 0"], 0]);
});
