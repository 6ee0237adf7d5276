import { formatWholePciAddress, parsePciAddress, type PciAddress } from "../pci_address.ts";
import { matchPciId, type PciId, type PciIdentity } from "../pci_id.ts";
import type { PciSysfs } from "./pci_sysfs.ts";
import { interfacesUp } from "./vfio_binding.ts";
import { VfioError } from "./vfio_error.ts";

/** PCI class codes: the first of three bytes. */
const NETWORK_CLASS = 0x02;

/** Rows of drivers' id tables, whatever the drivers want to know of them. */
export type WantedIds = readonly PciId<unknown>[];

/** A function by its name in sysfs. */
interface Card {
  readonly name: string;
  readonly identity: PciIdentity;
}

/**
 * The card at an address, or, for null, the first one that a driver wants and the kernel has no use for.
 * `VfioError` when there's none.
 */
export function chooseCard(
  sysfs: PciSysfs,
  address: PciAddress | null,
  wanted: WantedIds,
): PciAddress {
  if (address !== null) {
    const name = formatWholePciAddress(address);
    const identity = sysfs.identity(name);
    if (identity === null) throw new VfioError(`${name} isn't there: lspci -D shows what is`);
    if (matchPciId(wanted, identity) !== null) return address;
    throw new VfioError(`no driver wants ${describe({ name, identity })}`);
  }
  const cards = sysfs.names().flatMap((name): Card[] => {
    const identity = sysfs.identity(name);
    return identity !== null && isOfNetwork(identity) ? [{ name, identity }] : [];
  });
  if (cards.length === 0) throw new VfioError("this machine has no network card on PCI");
  const usable = cards.filter(({ identity }) => matchPciId(wanted, identity) !== null);
  if (usable.length === 0) {
    throw new VfioError(`no driver wants ${cards.map(describe).join(", ")}`);
  }
  // Who has them all in use is told so by the attempt to bind the first.
  const { name } = usable.find(({ name }) => interfacesUp(sysfs, name).length === 0) ?? usable[0];
  const chosen = parsePciAddress(name);
  if (chosen === null) throw new VfioError(`${name} is no address that PCI has`);
  return chosen;
}

/** Whether a function of this name is there, and is a network card. */
export function isNetworkCard(sysfs: PciSysfs, name: string): boolean {
  const identity = sysfs.identity(name);
  return identity !== null && isOfNetwork(identity);
}

/** Whether a driver wants it. */
export function isWanted(sysfs: PciSysfs, name: string, wanted: WantedIds): boolean {
  const identity = sysfs.identity(name);
  return identity !== null && matchPciId(wanted, identity) !== null;
}

function isOfNetwork({ classCode }: PciIdentity): boolean {
  return classCode >>> 16 === NETWORK_CLASS;
}

/** A card by its ids and its place, in the form in which lspci(8) shows and looks up these. */
function describe({ name, identity }: Card): string {
  const [vendor, device] = [identity.vendorId, identity.deviceId].map((id) =>
    id.toString(16).padStart(4, "0")
  );
  return `the card ${vendor}:${device} at pci ${name}`;
}
