import { assertEquals, assertThrows } from "@std/assert";
import { type DeviceUri, formatDeviceUri, parseDeviceUri } from "../../app/device_uri.ts";
import { UsageError } from "../../app/usage_error.ts";

const STREAM = { kind: "stream", abstract: false, server: false } as const;

const VHOST_USER = { kind: "vhost-user", abstract: false, server: false, without: [] } as const;

const URIS: readonly [string, DeviceUri][] = [
  ["qemu:virtio-net-pci", { kind: "qemu", model: "virtio-net-pci", properties: "" }],
  ["qemu:virtio-net-device,legacy=on", {
    kind: "qemu",
    model: "virtio-net-device",
    properties: "legacy=on",
  }],
  ["qemu:i82550", { kind: "qemu", model: "i82550", properties: "" }],
  ["qemu:i82557b,a=b,c", { kind: "qemu", model: "i82557b", properties: "a=b,c" }],
  ["qemu:i82559er", { kind: "qemu", model: "i82559er", properties: "" }],
  ["vfio", { kind: "vfio", address: null }],
  ["vfio:0000:00:04.0", { kind: "vfio", address: { bus: 0, device: 4, function: 0 } }],
  ["vfio:0001:af:1f.7", {
    kind: "vfio",
    address: { domain: 1, bus: 0xaf, device: 31, function: 7 },
  }],
  ["tap:t", { kind: "tap", name: "t" }],
  ["tap:fifteen-bytes-0", { kind: "tap", name: "fifteen-bytes-0" }],
  ["stream:/run/a.sock", { ...STREAM, socket: "/run/a.sock" }],
  ["stream:a:b", { ...STREAM, socket: "a:b" }],
  ["stream:@name", { ...STREAM, socket: "name", abstract: true }],
  ["stream:/a,server=on", { ...STREAM, socket: "/a", server: true }],
  ["stream:@name,server=on", { ...STREAM, socket: "name", abstract: true, server: true }],
  ["vhost-user:/run/a.sock", { ...VHOST_USER, socket: "/run/a.sock" }],
  ["vhost-user:@name,server=on", { ...VHOST_USER, socket: "name", abstract: true, server: true }],
  ["vhost-user:/a,server=on,in_order=off,mrg_rxbuf=off", {
    ...VHOST_USER,
    socket: "/a",
    server: true,
    without: ["in_order", "mrg_rxbuf"],
  }],
  ["mmio", { kind: "mmio", address: null }],
  ["mmio:0xfeb00e00", { kind: "mmio", address: 0xfeb0_0e00 }],
];

for (const [text, uri] of URIS) {
  Deno.test(`${text} is a device, and is written so`, () => {
    assertEquals(parseDeviceUri(text), uri);
    assertEquals(formatDeviceUri(uri), text);
  });
}

Deno.test("defaults can be left out or said", () => {
  const address = { bus: 0, device: 4, function: 0 };
  assertEquals(parseDeviceUri("vfio:00:04.0"), { kind: "vfio", address });
  assertEquals(parseDeviceUri("qemu"), { kind: "qemu", model: "virtio-net-pci", properties: "" });
  assertEquals(parseDeviceUri("stream:/a,server=off"), { ...STREAM, socket: "/a" });
  assertEquals(
    parseDeviceUri("vhost-user:/a,mrg_rxbuf=off,event_idx=on,mrg_rxbuf=on"),
    { ...VHOST_USER, socket: "/a" },
  );
});

Deno.test("an address is hexadecimal with or without 0x, in letters of either size", () => {
  for (const text of ["mmio:feb00e00", "mmio:0xFEB00E00", "mmio:00feb00e00"]) {
    assertEquals(parseDeviceUri(text), { kind: "mmio", address: 0xfeb0_0e00 });
  }
});

const REFUSED: readonly [string, string][] = [
  ["tap", "name of the interface is missing"],
  ["tap:", "name of the interface is missing"],
  ["tap:sixteen-bytes-00", "at most 15 bytes"],
  ["tap:üüüüüüüü", "at most 15 bytes"],
  ["tap:a/b", "can't be the name"],
  ["tap:a b", "can't be the name"],
  ["tap:tap%d", "can't be the name"],
  ["tap:..", "can't be the name"],
  ["stream", "path of the socket is missing"],
  ["stream:@", "path of the socket is missing"],
  ["stream:,server=on", "path of the socket is missing"],
  [`stream:${"x".repeat(108)}`, "at most 107 bytes"],
  ["stream:/a,server=yes", "server=on and server=off"],
  ["stream:/a,b", "server=on and server=off"],
  ["stream:/a,mrg_rxbuf=off", '"mrg_rxbuf=off": server=on and server=off'],
  ["vhost-user:", "path of the socket is missing"],
  ["vhost-user:/a,mrg_rxbuf=0", '"mrg_rxbuf=0": server=on, server=off, mrg_rxbuf=on'],
  ["vhost-user:/a,packed=on", '"packed=on": server=on'],
  ["qemu:", "are possible"],
  ["qemu:e1000", "are possible"],
  ["qemu:i82550x", "MODEL is virtio-net-pci, virtio-net-device, i82550, i82557b or i82559er"],
  ["qemu:i82550,", "are possible"],
  ["qemu:,a=b", "are possible"],
  ["mmio:", "hexadecimal ADDRESS is needed"],
  ["mmio:0x", "hexadecimal ADDRESS is needed"],
  ["mmio:feb0 0e00", "hexadecimal ADDRESS is needed"],
  ["mmio:fffffffffffff0", "hexadecimal ADDRESS is needed"],
  ["mmio:feb00e02", "a multiple of 4"],
  ["QEMU", "are possible"],
  ["vfio:", "is no address of a card"],
  ["vfio:4.0", "is no address of a card"],
  ["vfio:00:20.0", "is no address of a card"],
  ["vfio:00:04.8", "is no address of a card"],
  ["vfio:000:00:04.0", "is no address of a card"],
  ["vfio:00:04.0,a=b", "is no address of a card"],
  ["vfi", "are possible"],
];

for (const [text, reason] of REFUSED) {
  Deno.test(`${text.slice(0, 40)} is no device: ${reason}`, () => {
    const { message } = assertThrows(() => parseDeviceUri(text), UsageError);
    assertEquals([message.includes(text), message.includes(reason)], [true, true], message);
  });
}
