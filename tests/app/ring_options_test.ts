import { assertEquals, assertThrows } from "@std/assert";
import { parsePing } from "../../app/ping_options.ts";
import { withRing } from "../../app/ring_options.ts";
import { parseServe } from "../../app/serve_options.ts";
import { UsageError } from "../../app/usage_error.ts";

/** Ring and size of each device. */
function rings(...args: string[]): string[] {
  return parseServe(args).devices.map(({ ring, ringSize }) => `${ring} ${ringSize}`);
}

function refuses(message: string, ...args: string[]): void {
  assertEquals(assertThrows(() => parseServe(args), UsageError).message, message);
}

Deno.test("rings are split and as large as the card has them, unless asked for otherwise", () => {
  assertEquals(rings(), ["split 0"]);
  assertEquals(rings("--ring=packed"), ["packed 0"]);
  assertEquals(rings("--ring=packed", "--ring-size=100"), ["packed 100"]);
  assertEquals(rings("--ring-size=128"), ["split 128"]);
});

Deno.test("of several devices the flags are for virtio's cards", () => {
  const devices = ["--device=qemu", "--device=tap:tap0", "--device=qemu:i82550"];
  const ips = [1, 2, 3].map((n) => `--ip=192.0.2.${n}/24`);
  assertEquals(rings(...devices, ...ips, "--ring=packed", "--ring-size=64"), [
    "packed 64",
    "split 0",
    "split 0",
  ]);
});

Deno.test("no back-end of vhost-user says how large its rings are: they are 1024, or as asked", () => {
  const device = ["--device=vhost-user:/a", "--ip=192.0.2.1/24"];
  assertEquals(rings(...device), ["split 1024"]);
  assertEquals(rings(...device, "--ring=packed", "--ring-size=100"), ["packed 100"]);
});

Deno.test("what no ring can be is refused, with what can", () => {
  refuses("--ring=round: split and packed are possible", "--ring=round");
  refuses(
    "--ring-size=100: a power of two is needed; --ring=packed takes any number",
    "--ring-size=100",
  );
  for (const size of ["1", "0", "32769", "2.5", "-4", "x"]) {
    refuses(
      `--ring-size=${size}: a whole number from 2 to 32768 is needed`,
      "--ring=packed",
      `--ring-size=${size}`,
    );
  }
});

Deno.test("devices without virtio's rings have none to choose", () => {
  const tap = ["--device=tap:tap0", "--ip=192.0.2.1/24"];
  refuses("--ring is for virtio's cards: tap:tap0 is none", ...tap, "--ring=packed");
  refuses("--ring-size is for virtio's cards: tap:tap0 is none", ...tap, "--ring-size=64");
  refuses(
    "--ring is for virtio's cards: qemu:i82550 is none",
    "--device=qemu:i82550",
    "--ring=packed",
  );
});

Deno.test("ping takes them for a device of its own, and not for a port of the hub", () => {
  const { ring, ringSize } = parsePing([
    "--device=qemu",
    "--ring=packed",
    "--ring-size=9",
    "10.0.2.2",
  ]);
  assertEquals([ring, ringSize], ["packed", 9]);
  const error = assertThrows(() => parsePing(["--ring=packed"]), UsageError);
  assertEquals(error.message, "--ring is for virtio's cards: the hub is none");
});

Deno.test("QEMU is told of packed rings, unless it has been told already", () => {
  assertEquals(withRing("virtio-net-pci", "", "split"), "");
  assertEquals(withRing("virtio-net-pci", "", "packed"), "packed=on");
  assertEquals(withRing("virtio-net-pci", "mrg_rxbuf=off", "packed"), "mrg_rxbuf=off,packed=on");
  assertEquals(withRing("virtio-net-pci", "packed=off", "packed"), "packed=off");
  assertEquals(withRing("virtio-net-pci", "mq=on,packed=off", "packed"), "mq=on,packed=off");
  assertEquals(withRing("i82550", "", "packed"), "");
});
