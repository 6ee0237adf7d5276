import { assert, assertEquals } from "@std/assert";
import {
  microvmCommandLine,
  type MicrovmMachine,
  qemuCommandLine,
  type QemuMachine,
} from "../../../../drivers/pci/qemu/qemu_command_line.ts";

const MACHINE: QemuMachine = {
  memoryFd: 11,
  memoryBytes: 64 * 2 ** 20,
  romFd: 12,
  qtestFd: 13,
  ivshmemFd: 14,
  qmpFd: 15,
  monitorFd: null,
  ivshmemVectors: 8,
  nic: { model: "virtio-net-pci", mac: "52:54:00:12:34:56", mtu: 1400 },
  netdev: "user,restrict=on",
  hubFds: [21, 22],
};

/** The values of an option, in order. */
function values(args: readonly string[], option: string): string[] {
  return args.filter((_, i) => args[i - 1] === option);
}

Deno.test("each argument is an option or the value of one, and none is empty", () => {
  const args = qemuCommandLine(MACHINE);
  for (const [i, arg] of args.entries()) {
    assert(arg.length > 0);
    assert(arg.startsWith("-") || args[i - 1].startsWith("-"), arg);
  }
});

Deno.test("the machine waits to be set going, with its memory shared by descriptor, and without a guest's view", () => {
  const args = qemuCommandLine(MACHINE);
  assertEquals(args.includes("-S"), true, "a stopped machine receives nothing yet");
  const [machine] = values(args, "-machine");
  assert(machine.startsWith("pc,accel=tcg,memory-backend=ram"));
  const [memory] = values(args, "-object");
  for (const part of ["memory-backend-file", "id=ram", "share=on", "size=67108864"]) {
    assert(memory.split(",").includes(part), part);
  }
  assert(memory.endsWith("mem-path=/proc/self/fd/11"));
  assertEquals(values(args, "-m"), ["64M"]);
  assertEquals(values(args, "-bios"), ["/proc/self/fd/12"]);
  assertEquals(values(args, "-display"), ["none"]);
  assert(args.includes("-nodefaults") && args.includes("-no-user-config"));
});

Deno.test("qtest, ivshmem and QMP speak over the sockets that are inherited", () => {
  const args = qemuCommandLine(MACHINE);
  assertEquals(values(args, "-chardev"), [
    "socket,id=qtest,fd=13",
    "socket,id=qmp,fd=15",
    "socket,id=ivshmem,fd=14",
  ]);
  assertEquals(values(args, "-mon"), ["chardev=qmp,mode=control"]);
  assertEquals(values(args, "-qtest"), ["chardev:qtest"]);
  assertEquals(values(args, "-qtest-log"), ["/dev/null"]);
  const [ivshmem] = values(args, "-device");
  assertEquals(ivshmem, "ivshmem-doorbell,chardev=ivshmem,vectors=8,addr=1f");
});

Deno.test("an operator's monitor listens on the socket that is inherited, and nobody waits for him", () => {
  const args = qemuCommandLine({ ...MACHINE, monitorFd: 31 });
  assert(values(args, "-chardev").includes("socket,id=monitor,fd=31,server=on,wait=off"));
  assertEquals(values(args, "-mon"), [
    "chardev=qmp,mode=control",
    "chardev=monitor,mode=control",
  ]);
});

Deno.test("everything on the network hangs on hub 0, each by a port of its own", () => {
  const netdevs = values(qemuCommandLine(MACHINE), "-netdev");
  const id = (netdev: string) => /(?:^|,)id=([^,]+)/.exec(netdev)?.[1];
  assertEquals(new Set(netdevs.map(id)).size, netdevs.length, "ids are unique");
  const ports = netdevs.filter((netdev) => netdev.startsWith("hubport,"));
  assert(ports.every((port) => port.includes(",hubid=0")));
  const onHub = ports.map((port) => /,netdev=([^,]+)/.exec(port)?.[1]);
  assertEquals(onHub, ["net", "hub0", "hub1", undefined], "one port is left for the NIC");
  const others = netdevs.filter((netdev) => !netdev.startsWith("hubport,")).map(id);
  assertEquals(others.toSorted(), ["hub0", "hub1", "net"]);
});

Deno.test("the user's netdev comes as it is, with an id", () => {
  const netdev = "user,restrict=on,hostfwd=tcp::80-:80";
  const args = qemuCommandLine({ ...MACHINE, netdev });
  assert(values(args, "-netdev").includes(`${netdev},id=net`));
});

Deno.test("a hub without sockets has none", () => {
  const netdevs = values(qemuCommandLine({ ...MACHINE, hubFds: [] }), "-netdev");
  assertEquals(netdevs.some((netdev) => netdev.startsWith("stream")), false);
  assertEquals(netdevs.length, 3);
});

Deno.test("hub sockets are the ones that are inherited", () => {
  const netdevs = values(qemuCommandLine(MACHINE), "-netdev");
  const streams = netdevs.filter((netdev) => netdev.startsWith("stream,"));
  assertEquals(streams.map((stream) => stream.endsWith("server=on,addr.type=fd,addr.str=21")), [
    true,
    false,
  ]);
  assertEquals(streams[1].endsWith("addr.str=22"), true);
});

Deno.test("the NIC has its address and no option ROM; virtio is modern, and tells the MTU", () => {
  const nic = (model: string) =>
    values(qemuCommandLine({ ...MACHINE, nic: { ...MACHINE.nic, model } }), "-device")[1];
  assertEquals(
    nic("virtio-net-pci"),
    "virtio-net-pci,id=nic,mac=52:54:00:12:34:56,disable-legacy=on,host_mtu=1400,netdev=nic-port,romfile=",
  );
  assertEquals(nic("i82551"), "i82551,id=nic,mac=52:54:00:12:34:56,netdev=nic-port,romfile=");
});

Deno.test("a NIC with the legacy interface has it, and no other word on that", () => {
  for (const properties of ["disable-modern=on", "a=b,disable-legacy=off,disable-modern=off"]) {
    const nic = { ...MACHINE.nic, properties };
    const device = values(qemuCommandLine({ ...MACHINE, nic }), "-device")[1];
    assertEquals(device.includes("disable-legacy=on"), false);
    assert(device.includes(`,${properties},`), device);
  }
});

Deno.test("a microvm has the same memory, sockets and network, no PCI, and the version that is asked for", () => {
  const { ivshmemFd: _, ivshmemVectors: __, ...shared } = MACHINE;
  const nic = { ...MACHINE.nic, model: "virtio-net-device" };
  const machine: MicrovmMachine = { ...shared, nic, legacy: false };
  const args = microvmCommandLine(machine);
  assert(values(args, "-machine")[0].startsWith("microvm,accel=tcg,memory-backend=ram,acpi=off,"));
  assertEquals(values(args, "-global"), ["virtio-mmio.force-legacy=off"]);
  const legacy = microvmCommandLine({ ...machine, legacy: true });
  assertEquals(values(legacy, "-global"), ["virtio-mmio.force-legacy=on"]);
  assertEquals(values(args, "-device"), [
    "virtio-net-device,id=nic,mac=52:54:00:12:34:56,host_mtu=1400,netdev=nic-port",
  ]);
  assertEquals(values(args, "-netdev"), values(qemuCommandLine(MACHINE), "-netdev"));
  assertEquals(values(args, "-object"), values(qemuCommandLine(MACHINE), "-object"));
  assertEquals(values(args, "-chardev"), ["socket,id=qtest,fd=13", "socket,id=qmp,fd=15"]);
});

Deno.test("properties of the NIC come as they are, behind those that it has by itself", () => {
  const properties = "mrg_rxbuf=off,rx_queue_size=512";
  const nic = { ...MACHINE.nic, properties };
  const device = values(qemuCommandLine({ ...MACHINE, nic }), "-device")[1];
  assert(device.includes(`,host_mtu=1400,${properties},netdev=nic-port`), device);
});

Deno.test("a NIC with several queues is on the user's netdev itself, with vectors for all", () => {
  const nic = { ...MACHINE.nic, queues: 4, properties: "rss=on" };
  const args = qemuCommandLine({ ...MACHINE, nic, netdev: "tap,ifname=t", hubFds: [] });
  assertEquals(values(args, "-netdev"), ["tap,ifname=t,queues=4,id=nic-port"]);
  const device = values(args, "-device")[1];
  assert(device.includes(",mq=on,vectors=10,rss=on,netdev=nic-port"), device);
});
