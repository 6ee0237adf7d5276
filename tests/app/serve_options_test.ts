import { assertEquals, assertThrows } from "@std/assert";
import type { DeviceOptions } from "../../app/device_options.ts";
import { parseServe } from "../../app/serve_options.ts";
import { UsageError } from "../../app/usage_error.ts";
import { formatIpv4, formatIpv4Ranges, formatMac, macHead, macTail } from "../../stack/mod.ts";

function macText(mac: Uint8Array): string {
  return formatMac(macHead(mac), macTail(mac));
}

/** The only device. */
function deviceOf(...args: string[]): DeviceOptions {
  const { devices } = parseServe(args);
  assertEquals(devices.length, 1);
  return devices[0];
}

function gatewayOf(...args: string[]): string | null {
  const { gateway } = deviceOf(...args);
  return gateway === null ? null : formatIpv4(gateway);
}

/** The messages name each of these. */
function refuses(args: string[], ...words: string[]): void {
  const { message } = assertThrows(() => parseServe(args), UsageError);
  for (const word of words) {
    assertEquals(message.includes(word), true, `"${message}" does not name ${word}`);
  }
}

Deno.test("without arguments it is the host that QEMU's user network expects", () => {
  const { devices: [{ ip, ranges, gateway, mac, ...device }], ...rest } = parseServe([]);
  assertEquals([formatIpv4(ip.address), ip.prefixLength], ["10.0.2.15", 24]);
  assertEquals(formatIpv4Ranges(ranges), "10.0.2.15/24");
  assertEquals(formatIpv4(gateway ?? 0), "10.0.2.2");
  assertEquals(macText(mac), "02:75:0a:00:02:0f");
  assertEquals(device, {
    device: { kind: "qemu", model: "virtio-net-pci", properties: "" },
    macGiven: false,
    mtu: 1500,
    queues: 1,
    ring: "split",
    ringSize: 0,
    netdev: "user,restrict=on",
    hub: "ukdeno",
    monitor: null,
    einfo: {},
  });
  assertEquals(rest, {
    busyPoll: 0.05,
    leaveChecksums: false,
    pcap: null,
    log: "text",
    duration: Infinity,
  });
});

Deno.test("every flag can be given at once", () => {
  const { devices: [{ ip, ranges, gateway, mac, ...device }], ...rest } = parseServe([
    "--device=qemu:virtio-net-pci,mrg_rxbuf=off,rx_queue_size=512",
    "--ip=192.0.2.9/28",
    "--gateway=192.0.2.14",
    "--mac=52:54:00:12:34:56",
    "--mtu=576",
    "--netdev=user,net=192.0.2.0/28,hostfwd=tcp::8080-:80",
    "--hub=another",
    "--monitor=watcher",
    "--busy-poll=2000",
    "--tx-checksum=nic",
    "--pcap=all.pcap",
    "--log=json",
    "--duration=2.5",
  ]);
  assertEquals([formatIpv4(ip.address), ip.prefixLength], ["192.0.2.9", 28]);
  assertEquals(formatIpv4Ranges(ranges), "192.0.2.9/28");
  assertEquals(formatIpv4(gateway ?? 0), "192.0.2.14");
  assertEquals(macText(mac), "52:54:00:12:34:56");
  assertEquals(device, {
    device: {
      kind: "qemu",
      model: "virtio-net-pci",
      properties: "mrg_rxbuf=off,rx_queue_size=512",
    },
    macGiven: true,
    mtu: 576,
    queues: 1,
    ring: "split",
    ringSize: 0,
    netdev: "user,net=192.0.2.0/28,hostfwd=tcp::8080-:80",
    hub: "another",
    monitor: "watcher",
    einfo: {},
  });
  assertEquals(rest, {
    busyPoll: 2,
    leaveChecksums: true,
    pcap: "all.pcap",
    log: "json",
    duration: 2500,
  });
});

Deno.test("--device is a URI", () => {
  const { device } = deviceOf("--device=tap:tap0", "--ip=192.0.2.9/24");
  assertEquals(device, { kind: "tap", name: "tap0" });
  refuses(["--device=qemu:e1000"], "--device=qemu:e1000", "virtio-net-device, i82550");
});

Deno.test("off QEMU's user network --ip is needed, and there is no default gateway", () => {
  for (const uri of ["tap:tap0", "stream:/tmp/socket"]) {
    refuses([`--device=${uri}`], "--ip=A.B.C.D/N is needed");
    assertEquals(gatewayOf(`--device=${uri}`, "--ip=10.0.2.15/24"), null);
    assertEquals(
      gatewayOf(`--device=${uri}`, "--ip=10.0.2.15/24", "--gateway=10.0.2.2"),
      "10.0.2.2",
    );
  }
  refuses(["--netdev=tap,ifname=tap0"], "--ip=A.B.C.D/N is needed");
});

Deno.test("flags of QEMU's are refused with another device", () => {
  for (const flag of ["--netdev=user", "--hub=another", "--monitor=m"]) {
    refuses(["--device=tap:tap0", "--ip=192.0.2.9/24", flag], flag.split("=")[0], "tap:tap0");
  }
});

Deno.test("--ip is a host's address with its prefix length", () => {
  for (const text of ["10.0.2.15", "10.0.2/24", "10.0.2.256/24", "10.0.2.15/33", "10.0.2.15/0"]) {
    refuses([`--ip=${text}`], "--ip", text.split("/")[0]);
  }
  for (const text of ["10.0.2.0/24", "10.0.2.255/24", "127.0.0.1/8", "224.0.0.1/4", "0.0.0.1/8"]) {
    refuses([`--ip=${text}`], "--ip", text.split("/")[0]);
  }
});

Deno.test("the default gateway belongs to QEMU's user network, for a host that is on it", () => {
  assertEquals(gatewayOf(), "10.0.2.2");
  assertEquals(gatewayOf("--ip=10.0.2.15/24"), "10.0.2.2");
  assertEquals(gatewayOf("--ip=10.0.2.16/24"), "10.0.2.2");
  assertEquals(gatewayOf("--netdev=user"), "10.0.2.2");
  assertEquals(gatewayOf("--ip=192.0.2.9/24"), null);
  assertEquals(gatewayOf("--ip=10.0.2.15/32"), null);
  assertEquals(gatewayOf("--ip=10.0.2.2/24"), null, "who has its address");
  assertEquals(gatewayOf("--netdev=user,net=10.0.0.0/8"), null);
  assertEquals(gatewayOf("--netdev=user,restrict=on,host=10.0.2.9"), null);
  assertEquals(gatewayOf("--netdev=hubport,hubid=7", "--ip=10.0.2.15/24"), null);
});

Deno.test("--gateway goes with the default address and with another", () => {
  assertEquals(gatewayOf("--gateway=10.0.2.3"), "10.0.2.3");
  assertEquals(gatewayOf("--ip=192.0.2.9/24", "--gateway=192.0.2.1"), "192.0.2.1");
  assertEquals(gatewayOf("--ip=192.0.2.9/32", "--gateway=198.51.100.1"), "198.51.100.1");
});

Deno.test("--gateway is another host on the subnet", () => {
  for (const text of ["10.0.2", "10.0.2.2/24", "x", "10.0.3.2", "10.0.2.15", "10.0.2.255"]) {
    refuses([`--gateway=${text}`], "--gateway", text);
  }
  refuses(["--ip=192.0.2.9/24", "--gateway=10.0.2.2"], "--gateway", "10.0.2.2", "192.0.2.0/24");
});

Deno.test("the default MAC address follows from --ip, so that two hosts differ", () => {
  assertEquals(macText(deviceOf("--ip=192.0.2.9/24").mac), "02:75:c0:00:02:09");
});

Deno.test("--mac is a station's address", () => {
  assertEquals(macText(deviceOf("--mac=52-54-00-AB-CD-EF").mac), "52:54:00:ab:cd:ef");
  for (const text of ["52:54:00:12:34", "525400123456", "52:54:00:12:34:5g", "52:54-00:12:34:56"]) {
    refuses([`--mac=${text}`], "--mac", text);
  }
  for (const text of ["ff:ff:ff:ff:ff:ff", "01:00:5e:00:00:01", "00:00:00:00:00:00"]) {
    refuses([`--mac=${text}`], "--mac", text);
  }
});

Deno.test("--mtu is what IPv4 allows and a frame carries", () => {
  const mtus = ["68", "1500", "9000"].map((mtu) => deviceOf(`--mtu=${mtu}`).mtu);
  assertEquals(mtus, [68, 1500, 9000]);
  for (const text of ["67", "9001", "576.5", "x"]) {
    refuses([`--mtu=${text}`], "--mtu", text);
  }
});

Deno.test("--hub is as long as the name of a socket with its port may be", () => {
  const longest = "h".repeat(105);
  assertEquals(deviceOf(`--hub=${longest}`).hub, longest);
  refuses([`--hub=${longest}h`], "--hub", `${longest}h`, "105 bytes");
  refuses([`--hub=${"ü".repeat(53)}`], "--hub", "105 bytes");
  assertEquals(deviceOf(`--hub=${"ü".repeat(52)}`).hub, "ü".repeat(52));
});

Deno.test("--tx-checksum is host or nic", () => {
  assertEquals(parseServe(["--tx-checksum=host"]).leaveChecksums, false);
  refuses(["--tx-checksum=card"], "--tx-checksum", "card");
});

Deno.test("--busy-poll is given in microseconds, up to a second", () => {
  const parse = (text: string): number => parseServe([`--busy-poll=${text}`]).busyPoll;
  assertEquals(["0", "1", "1000000"].map(parse), [0, 0.001, 1000]);
  for (const text of ["-1", "1000001", "0.5", "50us"]) {
    refuses([`--busy-poll=${text}`], "--busy-poll", text);
  }
});

Deno.test("--log is text or json", () => {
  assertEquals(parseServe(["--log=text"]).log, "text");
  for (const text of ["JSON", "xml", "text|json"]) refuses([`--log=${text}`], "--log", text);
});

Deno.test("--duration is given in seconds, with a fraction", () => {
  const parse = (text: string): number => parseServe([`--duration=${text}`]).duration;
  assertEquals(["0.001", "3", "0.25"].map(parse), [1, 3000, 250]);
  for (const text of ["0", "0.0001", "-1", "5s", "1e3"]) {
    refuses([`--duration=${text}`], "--duration", text);
  }
});

Deno.test("serve takes no arguments without a flag", () => {
  refuses(["10.0.2.15"], "serve", "10.0.2.15");
  refuses(["--mtu=576", "1e3"], "serve", "1e3");
});

Deno.test("the flags of ping are not serve's", () => {
  refuses(["-c", "3"], "-c");
  refuses(["--count=3"], "--count=3");
});
