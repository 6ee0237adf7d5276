import { formatIpv4, formatMacBytes } from "../stack/mod.ts";
import type { DeviceOptions } from "./device_options.ts";
import { formatDeviceUri } from "./device_uri.ts";
import { commonAddress } from "./own_addresses.ts";
import { UsageError } from "./usage_error.ts";

/** `UsageError` for two devices that can't be told apart on the network, or can't be opened both. */
export function refuseSame(devices: readonly DeviceOptions[]): void {
  devices.forEach(({ ranges }, second) => {
    for (let first = 0; first < second; first++) {
      const common = commonAddress(devices[first].ranges, ranges);
      if (common !== null) refuseTwo(first, second, "address", formatIpv4(common), "ip");
    }
  });
  const sames: readonly [flag: string, what: string, of: (options: DeviceOptions) => string][] = [
    ["mac", "MAC address", ({ mac }) => formatMacBytes(mac)],
    ["hub", "hub", ({ device, hub }) => device.kind === "qemu" ? hub ?? "" : ""],
    ["monitor", "monitor", ({ monitor }) => monitor ?? ""],
    [
      "device",
      "socket",
      ({ device }) => device.kind === "vhost-user" ? formatDeviceUri(device) : "",
    ],
    ["device", "card", ({ device }) => device.kind === "vfio" ? formatDeviceUri(device) : ""],
    ["device", "interface", ({ device }) => device.kind === "tap" ? device.name : ""],
    ["device", "card", ({ device }) => device.kind === "mmio" ? formatDeviceUri(device) : ""],
  ];
  for (const [flag, what, of] of sames) {
    const values = devices.map(of);
    values.forEach((value, second) => {
      const first = values.indexOf(value);
      if (value !== "" && first !== second) refuseTwo(first, second, what, value, flag);
    });
  }
}

function refuseTwo(
  first: number,
  second: number,
  what: string,
  value: string,
  flag: string,
): never {
  throw new UsageError(
    `net${first} and net${second} have the same ${what} ${value}: give each its own --${flag}`,
  );
}
