import { AddressError, formatIpv4, type Ipv4Cidr, parseIpv4 } from "../stack/mod.ts";
import { checkHostAddress, prefixMask } from "../stack/ipv4_address.ts";
import { DEFAULT_HUB, type DeviceOptions } from "./device_options.ts";
import { formatDeviceUri } from "./device_uri.ts";
import { DEFAULT_ADDRESS, DEFAULT_DESTINATION } from "./ping_options.ts";

/** A command that pings the appliance from another terminal, or null where none is known. */
export function pingHint({ device, hub, ip }: DeviceOptions): string | null {
  const address = formatIpv4(ip.address);
  const pinger = neighbour(ip);
  if (pinger === null) return null;
  switch (device.kind) {
    case "qemu": {
      if (hub === null) return null;
      const words = ["deno task ping"];
      if (hub !== DEFAULT_HUB) words.push(`--hub=${hub}`);
      if (!reachesByDefault(ip)) words.push(`--ip=${pinger}`);
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
  }
}

/** The next host of the same subnet, as `10.0.2.16/24`; null when there is none. */
function neighbour({ address, prefixLength }: Ipv4Cidr): string | null {
  for (const other of [address + 1 | 0, address - 1 | 0]) {
    const onSubnet = ((other ^ address) & prefixMask(prefixLength)) === 0;
    if (onSubnet && isHost(other, prefixLength)) return `${formatIpv4(other)}/${prefixLength}`;
  }
  return null;
}

function isHost(address: number, prefixLength: number): boolean {
  try {
    checkHostAddress(address, prefixLength);
    return true;
  } catch (error) {
    if (error instanceof AddressError) return false;
    throw error;
  }
}

/** Whether ping's own default address is on the subnet, and another's than ours. */
function reachesByDefault({ address, prefixLength }: Ipv4Cidr): boolean {
  const [text, prefix] = DEFAULT_ADDRESS.split("/");
  const pinger = parseIpv4(text);
  const sameSubnet = ((pinger ^ address) & prefixMask(prefixLength)) === 0;
  return sameSubnet && prefixLength === Number(prefix) && pinger !== address;
}
