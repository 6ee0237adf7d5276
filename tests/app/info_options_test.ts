import { assert, assertEquals, assertThrows } from "@std/assert";
import { INFO_FLAGS, parseInfo } from "../../app/info_options.ts";
import { parseServe } from "../../app/serve_options.ts";
import { UsageError } from "../../app/usage_error.ts";

Deno.test("info opens the device that serve would be given", () => {
  const serveWould = (args: string[]): unknown => {
    const { devices, log } = parseServe(args);
    return { device: devices[0], log };
  };
  assertEquals(parseInfo([]), serveWould([]));
  const args = ["--mtu=1400", "--mac=52:54:00:12:34:56", "--netdev=user", "--log=json"];
  assertEquals(parseInfo(args), serveWould(args));
});

Deno.test("info takes the flags of serve that say which device, and no others", () => {
  assertEquals(INFO_FLAGS.map(({ name }) => name), [
    "device",
    "mac",
    "mtu",
    "ring",
    "ring-size",
    "queues",
    "netdev",
    "log",
  ]);
  for (const arg of ["--ip=10.0.2.15/24", "--pcap=x", "--duration=1", "net0", "--device=floppy"]) {
    assert(assertThrows(() => parseInfo([arg]), UsageError).message.length > 0);
  }
});

Deno.test("info takes what a kernel command line gives to the device, with or without an address", () => {
  const { device } = parseInfo(["--device=tap:tap0", "netdev.ip=192.0.2.7/24::::web"]);
  assertEquals(
    device,
    parseServe(["--device=tap:tap0", "netdev.ip=192.0.2.7/24::::web"]).devices[0],
  );
  const named = parseInfo(["--device=tap:tap0", "netdev.ip=::::web"]).device;
  assertEquals(named.einfo, { IPV4_HOSTNAME: "web" });
  const refused: [args: string[], message: string][] = [
    [
      ["netdev.mtu=1"],
      'info takes no argument "netdev.mtu=1", but flags and netdev.ip=CIDR[:GATEWAY…]',
    ],
    [["netdev.ip=192.0.2.7/24", "netdev.ip="], "netdev.ip is given 2 times, for 1 device"],
  ];
  for (const [args, message] of refused) {
    assertEquals(assertThrows(() => parseInfo(args), UsageError).message, message);
  }
});

Deno.test("info tells of one device", () => {
  const { message } = assertThrows(() => parseInfo(["--device=qemu", "--device=qemu"]), UsageError);
  assertEquals(message, "--device is given 2 times");
});
