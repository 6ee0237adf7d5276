import { formatIpv4, type Ipv4Range, parseIpv4, parseIpv4Ranges } from "../stack/mod.ts";
import { ownGateway } from "./own_addresses.ts";

/** QEMU's user network: what it calls itself, and the addresses it gives (qemu(1), `-netdev user`). */
export const USER_NETDEV = "user,restrict=on";
export const USER_NETWORK_ADDRESS = "10.0.2.15";
export const USER_NETWORK_PREFIX_LENGTH = 24;
export const USER_NETWORK_GATEWAY = "10.0.2.2";

/** Whether this `-netdev` string of QEMU's stands for such a network. */
export function isUserNetwork(netdev: string): boolean {
  return netdev.split(",")[0] === "user";
}

/** The address there of the device with this number. `AddressError` when there are none left. */
export function userNetworkAddress(number: number): readonly Ipv4Range[] {
  const address = formatIpv4(parseIpv4(USER_NETWORK_ADDRESS) + number);
  return parseIpv4Ranges(`${address}/${USER_NETWORK_PREFIX_LENGTH}`);
}

/**
 * The router there of a host with these addresses. Null when the network was given other addresses than
 * its own, or the host doesn't reach it.
 */
export function userNetworkGateway(netdev: string, ranges: readonly Ipv4Range[]): number | null {
  if (/,(net|host)=/.test(netdev)) return null;
  return ownGateway(parseIpv4(USER_NETWORK_GATEWAY), ranges);
}
