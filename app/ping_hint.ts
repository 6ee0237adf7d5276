import { prefixMask } from "../stack/ipv4_address.ts";
import { hostAddresses } from "../stack/ipv4_range.ts";
import { formatIpv4, type Ipv4Cidr, type Ipv4Range, parseIpv4 } from "../stack/mod.ts";
import { DEFAULT_HUB, type DeviceOptions } from "./device_options.ts";
import { formatDeviceUri } from "./device_uri.ts";
import { hostOf } from "./own_addresses.ts";
import { DEFAULT_ADDRESS, DEFAULT_DESTINATION } from "./ping_options.ts";

/** A command that pings the appliance from another terminal, or null where none is known. */
export function pingHint({ device, hub, ip, ranges }: DeviceOptions): string | null {
  const address = formatIpv4(ip.address);
  const pinger = neighbour(ip, ranges);
  if (pinger === null) return null;
  switch (device.kind) {
    case "qemu": {
      if (hub === null) return null;
      const words = ["deno task ping"];
      if (hub !== DEFAULT_HUB) words.push(`--hub=${hub}`);
      if (!reachesByDefault(ip, ranges)) words.push(`--ip=${pinger}`);
      if (address !== DEFAULT_DESTINATION) words.push(address);
      return words.join(" ");
    }
    case "tap":
      return `ip addr add ${pinger} dev ${device.name} && ping ${address}`;
    case "stream": {
      if (!device.server) return null;
      const uri = formatDeviceUri({ ...device, server: false });
      return `deno task ping --device=${uri} --ip=${pinger} ${address}`;
    }
    case "vhost-user":
    case "vfio":
    case "mmio":
      return null;
  }
}

/** The next host of the same subnet that isn't us, as `10.0.2.16/24`; null when there is none. */
function neighbour(ip: Ipv4Cidr, ranges: readonly Ipv4Range[]): string | null {
  const { address, prefixLength } = ip;
  const own = hostAddresses(ranges).find(({ first, last }) => first <= address && address <= last);
  if (own === undefined) return null;
  const host = hostOf(ranges, null);
  for (const other of [own.last + 1 | 0, own.first - 1 | 0]) {
    if (host.isUnicast(other) && isInSubnet(other, ip)) {
      return `${formatIpv4(other)}/${prefixLength}`;
    }
  }
  return null;
}

function isInSubnet(other: number, { address, prefixLength }: Ipv4Cidr): boolean {
  return ((other ^ address) & prefixMask(prefixLength)) === 0;
}

/** Whether ping's own default address is on the subnet, and another's than ours. */
function reachesByDefault(ip: Ipv4Cidr, ranges: readonly Ipv4Range[]): boolean {
  const [text, prefix] = DEFAULT_ADDRESS.split("/");
  const pinger = parseIpv4(text);
  return isInSubnet(pinger, ip) && ip.prefixLength === Number(prefix) &&
    !hostOf(ranges, null).isOwn(pinger);
}
