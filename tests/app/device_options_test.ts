import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { DeviceOptions } from "../../app/device_options.ts";
import { formatDeviceUri } from "../../app/device_uri.ts";
import { parseServe } from "../../app/serve_options.ts";
import { UsageError } from "../../app/usage_error.ts";
import { formatIpv4, formatIpv4Ranges, formatMacBytes } from "../../stack/mod.ts";

const TWO = ["--device=qemu", "--device=qemu"];
const MIXED = ["--device=tap:tap0", "--device=qemu", "--device=stream:@s", "--device=qemu"];
const MIXED_IPS = [1, 2, 3, 4].map((n) => `--ip=192.0.2.${n}/24`);

/** Each device as one line: URI, address, gateway, MAC address, network, hub. */
function devices(...args: string[]): string[] {
  return parseServe(args).devices.map(line);
}

function line({ device, ip, gateway, mac, netdev, hub }: DeviceOptions): string {
  const isQemu = device.kind === "qemu";
  return [
    isQemu ? "qemu" : formatDeviceUri(device),
    `${formatIpv4(ip.address)}/${ip.prefixLength}`,
    gateway === null ? "-" : formatIpv4(gateway),
    formatMacBytes(mac),
    ...(isQemu ? [netdev, hub] : []),
  ].join(" ");
}

function refuses(message: string, ...args: string[]): void {
  assertEquals(assertThrows(() => parseServe(args), UsageError).message, message);
}

Deno.test("each device on QEMU's user network has an address and a hub of its own", () => {
  assertEquals(devices(...TWO, "--device=qemu"), [
    "qemu 10.0.2.15/24 10.0.2.2 02:75:0a:00:02:0f user,restrict=on ukdeno",
    "qemu 10.0.2.16/24 10.0.2.2 02:75:0a:00:02:10 user,restrict=on ukdeno-net1",
    "qemu 10.0.2.17/24 10.0.2.2 02:75:0a:00:02:11 user,restrict=on ukdeno-net2",
  ]);
});

Deno.test("the nth address, gateway and MAC address is the nth device's; the rest have defaults", () => {
  assertEquals(
    devices(
      ...TWO,
      "--ip=192.0.2.9/24",
      "--gateway=192.0.2.1",
      "--mac=52:54:00:00:00:01",
      "--mac=52:54:00:00:00:02",
    ),
    [
      "qemu 192.0.2.9/24 192.0.2.1 52:54:00:00:00:01 user,restrict=on ukdeno",
      "qemu 10.0.2.16/24 10.0.2.2 52:54:00:00:00:02 user,restrict=on ukdeno-net1",
    ],
  );
});

Deno.test("the nth --netdev and --hub is the nth QEMU's, whatever other devices there are", () => {
  const flags = ["--netdev=hubport,hubid=1", "--netdev=hubport,hubid=2", "--hub=a", "--hub=b"];
  assertEquals(devices(...MIXED, ...MIXED_IPS, ...flags), [
    "tap:tap0 192.0.2.1/24 - 02:75:c0:00:02:01",
    "qemu 192.0.2.2/24 - 02:75:c0:00:02:02 hubport,hubid=1 a",
    "stream:@s 192.0.2.3/24 - 02:75:c0:00:02:03",
    "qemu 192.0.2.4/24 - 02:75:c0:00:02:04 hubport,hubid=2 b",
  ]);
});

Deno.test("a hub that isn't named is called after the first one and its device", () => {
  const hubs = parseServe([...MIXED, ...MIXED_IPS, "--hub=mine"]).devices.map(({ hub }) => hub);
  assertEquals([hubs[1], hubs[3]], ["mine", "mine-net3"]);
});

Deno.test("the nth --monitor is the nth QEMU's; the others have none", () => {
  const monitors = (...args: string[]): (string | null)[] =>
    parseServe([...MIXED, ...MIXED_IPS, ...args]).devices.map(({ monitor }) => monitor);
  assertEquals(monitors("--monitor=a"), [null, "a", null, null]);
  assertEquals(monitors("--monitor=a", "--monitor=b"), [null, "a", null, "b"]);
  const longest = "m".repeat(107);
  refuses(`--monitor=${longest}m: at most 107 bytes are possible`, `--monitor=${longest}m`);
  refuses("net0 and net1 have the same monitor a: give each its own --monitor", ...TWO, ...[
    "--monitor=a",
    "--monitor=a",
  ]);
});

/** Of each device its addresses, its gateway and its MAC address. */
function addresses(...args: string[]): string[] {
  return parseServe(args).devices.map(({ ranges, gateway, mac }) => {
    const router = gateway === null ? "-" : formatIpv4(gateway);
    return `${formatIpv4Ranges(ranges)} ${router} ${formatMacBytes(mac)}`;
  });
}

Deno.test("all addresses are a single device's, in one --ip or in several", () => {
  const tap = "--device=tap:tap0";
  const both = "192.0.2.9/24,10.9.0.0-10.9.255.255/8 - 02:75:c0:00:02:09";
  assertEquals(addresses(tap, "--ip=192.0.2.9/24,10.9.0.0-10.9.255.255/8"), [both]);
  assertEquals(addresses(tap, "--ip=192.0.2.9/24", "--ip=10.9.0.0-10.9.255.255/8"), [both]);
  const range = "10.9.0.0-10.9.255.255/14 - 02:75:0a:09:00:00";
  assertEquals(addresses(tap, "--ip=10.9.0.0-10.9.255.255"), [range]);
  assertEquals(addresses(tap, "netdev.ip=10.9.0.0-10.9.255.255"), [range]);
});

Deno.test("of several devices each has its own --ip, which may be a list", () => {
  assertEquals(
    addresses(...TWO, "--ip=10.0.2.20/24,10.0.2.30-10.0.2.39/24", "--ip=10.0.2.40/24"),
    [
      "10.0.2.20/24,10.0.2.30-10.0.2.39/24 10.0.2.2 02:75:0a:00:02:14",
      "10.0.2.40/24 10.0.2.2 02:75:0a:00:02:28",
    ],
  );
  refuses(
    "net0 and net1 have the same address 10.0.2.35: give each its own --ip",
    ...TWO,
    "--ip=10.0.2.20/24,10.0.2.30-10.0.2.39/24",
    "--ip=10.0.2.35-10.0.2.70/24",
  );
});

Deno.test("a gateway that is one of our addresses is none: the default, and one that was asked for", () => {
  const all = "--ip=10.0.2.1-10.0.2.254/24";
  assertEquals(addresses(all), ["10.0.2.1-10.0.2.254/24 - 02:75:0a:00:02:01"]);
  const message = "--gateway: gateway 10.0.2.2: this is our own address";
  refuses(message, all, "--gateway=10.0.2.2");
  const beside = "--ip=10.0.2.3-10.0.2.254/24";
  assertEquals(addresses(beside), ["10.0.2.3-10.0.2.254/24 10.0.2.2 02:75:0a:00:02:03"]);
});

Deno.test("addresses that can't be are refused before anything is opened", () => {
  refuses(
    '--ip: IPv4 addresses "10.9.0.9-10.9.0.1": the first one is above the last one',
    "--ip=10.9.0.9-10.9.0.1",
  );
  refuses(
    '--ip: IPv4 address "10.0.2.20": its prefix length is missing, as in 10.0.2.15/24',
    "--ip=10.0.2.15/24,10.0.2.20",
  );
  refuses(
    "--ip: address 10.0.2.255: another subnet of ours is called so, or its broadcast address is",
    "--ip=10.0.2.15/24",
    "--ip=10.0.2.255/16",
  );
});

Deno.test("more values than devices are refused", () => {
  const ip = ["--ip=10.0.2.3/24", "--ip=10.0.2.4/24"];
  refuses("--ip is given 3 times, for 2 devices", ...TWO, ...ip, "--ip=10.0.2.5/24");
  const gateway = "--gateway=10.0.2.2";
  refuses("--gateway is given 2 times, for 1 device", gateway, gateway);
  const mac = "--mac=52:54:00:00:00:01";
  refuses("--mac is given 3 times, for 2 devices", ...TWO, mac, mac, mac);
  refuses("--hub is given 2 times, for 1 --device=qemu", "--hub=a", "--hub=b");
  const netdevs = ["--netdev=user", "--netdev=user"];
  const stream = ["--device=stream:@s", "--ip=192.0.2.9/24"];
  refuses("--netdev is given 2 times, for 1 --device=qemu", ...stream, "--device=qemu", ...netdevs);
  refuses("--netdev is for --device=qemu: stream:@s has no QEMU", ...stream, "--netdev=user");
});

Deno.test("a device without a default address is named when it lacks one", () => {
  refuses(
    "--ip=A.B.C.D/N is needed for net1 (tap:tap0): only QEMU's user network has a default " +
      "address; the first --ip is for the first --device, and so on",
    "--device=qemu",
    "--device=tap:tap0",
    "--ip=192.0.2.9/24",
  );
});

Deno.test("two devices that would be the same host are refused", () => {
  refuses(
    "net0 and net1 have the same address 10.0.2.16: give each its own --ip",
    ...TWO,
    "--ip=10.0.2.16/24",
  );
  const mac = "--mac=52:54:00:00:00:01";
  refuses(
    "net0 and net1 have the same MAC address 52:54:00:00:00:01: give each its own --mac",
    ...TWO,
    mac,
    mac,
  );
  refuses("net0 and net1 have the same hub a: give each its own --hub", ...TWO, ...[
    "--hub=a",
    "--hub=a",
  ]);
  refuses(
    "net0 and net1 have the same interface tap0: give each its own --device",
    ...["--device=tap:tap0", "--device=tap:tap0", "--ip=192.0.2.1/24", "--ip=192.0.2.2/24"],
  );
  refuses(
    "net0 and net1 have the same socket vhost-user:/a: give each its own --device",
    ...["--device=vhost-user:/a", "--device=vhost-user:/a", "--ip=192.0.2.1/24"],
    "--ip=192.0.2.2/24",
  );
});

/** Of each device address, gateway and what else a command line gave it. */
function given(...args: string[]): string[] {
  return parseServe(args).devices.map(({ ip, gateway, einfo }) => {
    const { IPV4_CIDR: _, IPV4_GW: __, ...rest } = einfo;
    const address = `${formatIpv4(ip.address)}/${ip.prefixLength}`;
    const router = gateway === null ? "-" : formatIpv4(gateway);
    return [address, router, ...Object.values(rest)].join(" ");
  });
}

Deno.test("netdev.ip gives the nth device its address, gateway, and what else it's to know", () => {
  assertEquals(given("netdev.ip=172.44.0.2/24"), ["172.44.0.2/24 -"]);
  const full = "netdev.ip=172.44.0.2/24:172.44.0.1:9.9.9.9:1.1.1.1:web:example.org";
  assertEquals(given(...TWO, full, "netdev.ip=10.0.2.9/24"), [
    "172.44.0.2/24 172.44.0.1 9.9.9.9 1.1.1.1 web example.org",
    "10.0.2.9/24 10.0.2.2",
  ]);
  const second = ["10.0.2.15/24 10.0.2.2", "192.0.2.1/24 192.0.2.254"];
  assertEquals(given(...TWO, "netdev.ip=", "netdev.ip=192.0.2.1/24:192.0.2.254"), second);
  const list = ["netdev.ip=[", "10.0.2.15/24", "192.0.2.1/24:192.0.2.254", "]"];
  assertEquals(given(...TWO, ...list), second);
  assertEquals(given(...TWO, list.join(" ")), second, "a list in one argument");
});

Deno.test("the MAC address follows from an address of netdev.ip, too", () => {
  const [{ mac }] = parseServe(["--device=tap:tap0", "netdev.ip=192.0.2.9/24"]).devices;
  assertEquals(formatMacBytes(mac), "02:75:c0:00:02:09");
});

Deno.test("--ip and --gateway take precedence over netdev.ip, each by itself", () => {
  const einfo = "netdev.ip=192.0.2.9/24:192.0.2.1:::web";
  assertEquals(given("--ip=192.0.2.8/24", einfo), ["192.0.2.8/24 192.0.2.1 web"]);
  assertEquals(given("--gateway=192.0.2.2", einfo), ["192.0.2.9/24 192.0.2.2 web"]);
  assertEquals(given("--gateway=192.0.2.2", "netdev.ip=192.0.2.9/24:nonsense"), [
    "192.0.2.9/24 192.0.2.2",
  ]);
});

Deno.test("what netdev.ip can't mean is refused with its place and its text", () => {
  for (
    const [args, ...words] of [
      [["netdev.ip=10.0.2.300/24"], "netdev.ip: ", "IPV4_CIDR of net0", "300"],
      [["netdev.ip=10.0.2.15"], "IPV4_CIDR of net0", "prefix length is missing"],
      [["netdev.ip=10.0.2.15/24:10.0.3.1"], "IPV4_GW of net0", "outside 10.0.2.0/24"],
      [["netdev.ip=10.0.2.15/24:10.0.2.1", "--ip=192.0.2.1/24"], "IPV4_GW of net0", "10.0.2.1"],
      [["netdev.ip=10.0.2.15/24", "netdev.ip="], "netdev.ip is given 2 times, for 1 device"],
      [["netdev.ip=[", "10.0.2.15/24"], "has no ]"],
      [["--device=tap:tap0", "netdev.ip="], "--ip=A.B.C.D/N is needed"],
      [["netdev.mtu=1400"], 'serve takes no argument "netdev.mtu=1400"'],
      [["netdev.ip=[", "10.0.2.15/24", "]", "x"], 'serve takes no argument "x"'],
      [[`netdev.ip="10.0.2.15/24`], "has no end"],
    ] as [string[], ...string[]][]
  ) {
    const { message } = assertThrows(() => parseServe(args), UsageError);
    for (const word of words) assertStringIncludes(message, word);
  }
});

Deno.test("several queues are QEMU's card's on a TAP netdev, and there's no hub then", () => {
  const { devices: [one] } = parseServe(["--ip=192.0.2.1/24", "--netdev=tap,ifname=t"]);
  assertEquals([one.queues, one.hub], [1, "ukdeno"]);
  const { devices: [four] } = parseServe([
    "--queues=4",
    "--ip=192.0.2.1/24",
    "--netdev=tap,ifname=t",
  ]);
  assertEquals([four.queues, four.hub, four.netdev], [4, null, "tap,ifname=t"]);
});

Deno.test("several queues are a vhost-user back-end's matter", () => {
  const args = ["--device=vhost-user:@a", "--ip=192.0.2.1/24", "--queues=4"];
  assertEquals(parseServe(args).devices.map(({ queues }) => queues), [4]);
});

Deno.test("queues that can't be had are refused before anything is opened", () => {
  refuses("--queues=0: a whole number from 1 to 16 is needed", "--queues=0");
  refuses("--queues=17: a whole number from 1 to 16 is needed", "--queues=17");
  refuses(
    "--queues=4: QEMU's user network has one queue; " +
      "give --netdev=tap,ifname=NAME,script=no,downscript=no",
    "--queues=4",
  );
  const rest = ["--queues=4", "--ip=192.0.2.1/24"];
  refuses(
    "--queues=4: net0 (tap:tap0) has one queue each way",
    "--device=tap:tap0",
    ...rest,
  );
  refuses(
    "--queues=4: net0 (qemu:i82550) has one queue each way",
    "--device=qemu:i82550",
    "--netdev=tap",
    ...rest,
  );
  refuses(
    "--hub: with --queues=4 there's no hub, as a hub has one queue",
    "--netdev=tap",
    "--hub=mine",
    ...rest,
  );
});
