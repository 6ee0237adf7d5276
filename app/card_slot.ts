import type { PciBus } from "../drivers/pci/pci_bus.ts";
import type { PciDevice } from "../drivers/pci/pci_device.ts";
import type { SlotWatcher } from "../drivers/pci/pci_host.ts";
import type { Netdev } from "../netdev/netdev.ts";
import { NetdevError } from "../netdev/netdev_error.ts";

/** Is told what becomes of the card. */
export interface CardEvents {
  /** It's about to be taken out: closed and forgotten as soon as this returns. */
  onUnplug(): void;
  /** Another one was put in its place, and is probed. What this throws has it taken away again. */
  onPlug(netdev: Netdev): void;
  /** The card that was put in, or its slot, is of no use; one line says why. */
  onUnusable(reason: string): void;
}

/** A network card that a driver has taken up. */
interface Card {
  readonly device: PciDevice;
  readonly netdev: Netdev;
}

/**
 * The one network card of a bus, whichever driver it has: looks for it at first, and follows it when
 * it's taken out and another is put in, in whatever slot. A second one beside it is let go of.
 */
export class CardSlot implements SlotWatcher {
  readonly #bus: PciBus;
  readonly #events: CardEvents;
  /** What drivers have registered since the last look. */
  readonly #registered: Netdev[] = [];
  #card: Card | null = null;

  /** For a bus whose drivers tell {@link registered} of what they register. */
  constructor(bus: PciBus, events: CardEvents) {
    this.#bus = bus;
    this.#events = events;
  }

  /** A driver has registered the card that it took up. */
  registered(netdev: Netdev): void {
    this.#registered.push(netdev);
  }

  /** Looks for the first card. `NetdevError("ENODEV")` when there's none that a driver wants. */
  find(): Card {
    const card = this.#take(this.#bus.probe());
    if (card !== null) return card;
    throw new NetdevError("ENODEV", "QEMU's bus has no network card that a driver wants");
  }

  slotsChanged(): void {
    this.#guarded(() => {
      if (this.#card?.device.present === false) this.#part();
      this.#registered.length = 0;
      const { arrived, unwanted } = this.#bus.rescan();
      for (const device of unwanted) this.#events.onUnusable(`no driver wants ${describe(device)}`);
      const card = this.#take(arrived);
      if (card !== null) this.#plug(card);
    });
  }

  ejectRequested(slot: number): void {
    this.#guarded(() => {
      if (this.#card?.device.address.device === slot) this.#part();
      this.#bus.removeSlot(slot);
    });
  }

  /** Has the driver let go of the card, if there's one. */
  close(): void {
    const card = this.#card;
    this.#card = null;
    if (card !== null) this.#bus.removeSlot(card.device.address.device);
  }

  /** The first of those that have arrived, probed, if there's none yet; the others are let go of. */
  #take(arrived: readonly PciDevice[]): Card | null {
    const netdevs = this.#registered.splice(0);
    let taken: Card | null = null;
    arrived.forEach((device, i) => {
      if (this.#card !== null) {
        this.#bus.removeSlot(device.address.device);
        return;
      }
      this.#card = taken = { device, netdev: netdevs[i] };
    });
    return taken;
  }

  #plug(card: Card): void {
    try {
      card.netdev.probe();
      this.#events.onPlug(card.netdev);
    } catch (error) {
      this.close();
      throw error;
    }
  }

  #part(): void {
    this.#card = null;
    this.#events.onUnplug();
  }

  /** What goes wrong with a card must not end the loop: it serves other devices, too. */
  #guarded(act: () => void): void {
    try {
      act();
    } catch (error) {
      this.#events.onUnusable(error instanceof Error ? error.message : String(error));
    }
  }
}

/** A card by its place and its ids, in the form in which lspci(8) shows and looks up these. */
function describe({ name, vendorId, deviceId }: PciDevice): string {
  const [vendor, device] = [vendorId, deviceId].map((id) => id.toString(16).padStart(4, "0"));
  return `the card ${vendor}:${device} at pci ${name}`;
}
