import { assertEquals, assertThrows } from "@std/assert";
import { parsePing } from "../../app/ping_options.ts";
import { parseServe } from "../../app/serve_options.ts";
import { UsageError } from "../../app/usage_error.ts";
import { formatIpv4 } from "../../stack/mod.ts";

/** The messages name each of these. */
function refuses(args: string[], ...words: string[]): void {
  const { message } = assertThrows(() => parsePing(args), UsageError);
  for (const word of words) {
    assertEquals(message.includes(word), true, `"${message}" does not name ${word}`);
  }
}

Deno.test("without arguments it pings what serve is without arguments", () => {
  const { destination, ip, ...rest } = parsePing([]);
  const [served] = parseServe([]).devices;
  assertEquals(destination, served.ip.address);
  assertEquals(ip.prefixLength, served.ip.prefixLength);
  assertEquals(formatIpv4(ip.address), "10.0.2.100");
  assertEquals(rest, {
    device: null,
    hub: served.hub ?? "",
    mtu: 1500,
    ring: "split",
    ringSize: 0,
    count: Infinity,
    interval: 1000,
    payloadLength: 56,
    pcap: null,
  });
});

Deno.test("every flag can be given at once, before and after the address", () => {
  const { destination, ip, ...rest } = parsePing([
    "-c",
    "3",
    "-i0.2",
    "192.0.2.1",
    "--hub=another",
    "--ip=192.0.2.9/28",
    "-s=1000",
    "--pcap=all.pcap",
  ]);
  assertEquals(formatIpv4(destination), "192.0.2.1");
  assertEquals([formatIpv4(ip.address), ip.prefixLength], ["192.0.2.9", 28]);
  assertEquals(rest, {
    device: null,
    hub: "another",
    mtu: 1500,
    ring: "split",
    ringSize: 0,
    count: 3,
    interval: 200,
    payloadLength: 1000,
    pcap: "all.pcap",
  });
});

Deno.test("the address is one IPv4 address", () => {
  for (const text of ["10.0.2", "10.0.2.15/24", "10.0.2.256", "host", "1e3", "010.0.2.15", "-"]) {
    refuses([text], "ADDRESS", `"${text}"`);
  }
  refuses(["10.0.2.15", "10.0.2.16"], "one address", "2");
});

Deno.test("--ip is a host's address with its prefix length", () => {
  for (const text of ["10.0.2.100", "10.0.2.0/24", "224.0.0.1/24", "10.0.2.100/33"]) {
    refuses([`--ip=${text}`], "--ip", text.split("/")[0]);
  }
});

Deno.test("--hub is as long as the name of a socket with its port may be", () => {
  refuses([`--hub=${"h".repeat(106)}`], "--hub", "105 bytes");
});

Deno.test("-c is a number of requests, one at least", () => {
  assertEquals(parsePing(["-c", "1"]).count, 1);
  assertEquals(parsePing(["-c", "1000000000"]).count, 1e9);
  for (const text of ["0", "1.5", "x", "1000000001"]) refuses([`-c=${text}`], "-c", text);
});

Deno.test("-i is given in seconds, a millisecond at least and a day at most", () => {
  const parse = (text: string): number => parsePing([`-i=${text}`]).interval;
  assertEquals(["0.001", "0.25", "1", "86400"].map(parse), [1, 250, 1000, 86_400_000]);
  for (const text of ["0", "0.0009", "86401", "x", "1s"]) refuses([`-i=${text}`], "-i", text);
});

Deno.test("-s is a payload that the MTU has room for", () => {
  assertEquals(["0", "1472"].map((bytes) => parsePing(["-s", bytes]).payloadLength), [0, 1472]);
  for (const text of ["1473", "56.5", "x"]) refuses([`-s=${text}`], "-s", text);
  assertEquals(parsePing(["-s", "8972", "--mtu=9000"]).payloadLength, 8972);
  refuses(["--mtu=9000", "-s", "8973"], "-s", "8973", "8972");
  assertEquals(parsePing(["--mtu=68"]).payloadLength, 40, "less than the default");
});

Deno.test("--mtu is serve's", () => {
  assertEquals(["68", "9000"].map((mtu) => parsePing([`--mtu=${mtu}`, "-s0"]).mtu), [68, 9000]);
  for (const text of ["67", "9001", "x"]) refuses([`--mtu=${text}`], "--mtu", text);
});

Deno.test("a flag needs a value, once", () => {
  for (const name of ["-c", "-i", "-s", "--ip", "--hub"]) refuses([name], name, "needs a value");
  refuses(["-c", "1", "-c", "2"], "-c is given 2 times");
});

Deno.test("with a device of its own, what QEMU's user network has no default for is needed", () => {
  refuses(["--device=tap:tap0", "10.0.2.15"], "--ip=A.B.C.D/N is needed");
  refuses(["--device=tap:tap0", "--ip=10.0.2.9/24"], "ADDRESS");
  refuses(["--device=qemu"], "ADDRESS");
  refuses(["--device=tap:tap0", "--ip=10.0.2.9/24", "--hub=x", "10.0.2.15"], "--hub", "tap:tap0");
  const tap = parsePing(["--device=tap:tap0", "--ip=10.0.2.9/24", "10.0.2.15"]);
  assertEquals(tap.device, { kind: "tap", name: "tap0" });
  const qemu = parsePing(["--device=qemu", "10.0.2.2"]);
  assertEquals(qemu.device, { kind: "qemu", model: "virtio-net-pci", properties: "" });
  assertEquals(
    qemu.hub === parseServe([]).devices[0].hub,
    false,
    "the hub of an appliance next to it",
  );
});

Deno.test("the flags of serve are not ping's", () => {
  for (const flag of ["--log=json", "--duration=1", "--busy-poll=1"]) {
    refuses([flag], `unknown flag ${flag}`);
  }
});
