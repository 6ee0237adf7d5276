import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../app/usage_error.ts";
import { parseVm } from "../../image/vm_options.ts";

const USER_NETDEV = "user,restrict=on";

Deno.test("without arguments it's the host that start is, with its address by netdev.ip", () => {
  assertEquals(parseVm([]), {
    nic: {
      model: "virtio-net-pci",
      properties: "",
      mac: "02:75:0a:00:02:0f",
      mtu: 1500,
      queues: 1,
    },
    netdev: USER_NETDEV,
    hub: "ukdeno",
    monitor: null,
    memory: 320,
    smp: 1,
    accelerator: null,
    parameters: ["netdev.ip=10.0.2.15/24:10.0.2.2"],
    args: ["serve", "--device=vfio"],
    hint: "deno task ping",
  });
});

Deno.test("flags of the machine are kept here, others go to the guest", () => {
  const options = parseVm([
    "--memory=512",
    "--smp=2",
    "--accel=tcg",
    "--netdev=tap,ifname=tap0,script=no,downscript=no",
    "--hub=h",
    "--monitor=m",
    "--device=i82550",
    "--ip=192.0.2.2/24",
    "--gateway=192.0.2.1",
    "--busy-poll=100",
    "--log=json",
  ]);
  const { nic, netdev, hub, monitor, memory, smp, accelerator, parameters, args } = options;
  assertEquals([nic.model, nic.mac], ["i82550", "02:75:c0:00:02:02"]);
  assertEquals(netdev, "tap,ifname=tap0,script=no,downscript=no");
  assertEquals([hub, monitor, memory, smp, accelerator], ["h", "m", 512, 2, "tcg"]);
  assertEquals(parameters, ["netdev.ip=192.0.2.2/24:192.0.2.1"]);
  assertEquals(args, ["serve", "--device=vfio", "--busy-poll=100", "--log=json"]);
});

Deno.test("the card's properties are QEMU's, and what it's told of the MAC address and the MTU", () => {
  const { nic } = parseVm([
    "--device=virtio-net-pci,packed=on",
    "--mac=02:00:00:00:00:07",
    "--mtu=9000",
  ]);
  assertEquals([nic.properties, nic.mac, nic.mtu], ["packed=on", "02:00:00:00:00:07", 9000]);
});

Deno.test("packed rings are the guest's to have, and the card's to offer", () => {
  for (const command of ["serve", "ping"]) {
    const { nic, args } = parseVm([
      command,
      "--ip=10.0.2.15/24",
      "--ring=packed",
      ...command === "ping" ? ["10.0.2.2"] : [],
    ]);
    assertEquals(nic.properties, "packed=on");
    assertEquals(args.includes("--ring=packed"), true);
  }
});

Deno.test("a --device that the guest opens goes there, beside one that QEMU has", () => {
  const { nic, args } = parseVm(["--device=i82550", "--device=vfio:0000:01:00.0"]);
  assertEquals([nic.model, args], ["i82550", ["serve", "--device=vfio:0000:01:00.0"]]);
});

Deno.test("many addresses are flags, as netdev.ip has one", () => {
  const { parameters, args } = parseVm(["--ip=10.0.2.15/24,10.0.2.20/24", "--gateway=10.0.2.2"]);
  assertEquals(parameters, []);
  assertEquals(args, [
    "serve",
    "--device=vfio",
    "--ip=10.0.2.15/24,10.0.2.20/24",
    "--gateway=10.0.2.2",
  ]);
});

Deno.test("netdev.ip as it was given stays a parameter, with all that it has", () => {
  const given = "netdev.ip=10.0.2.15/24:10.0.2.2:10.0.2.3:::unikernel";
  const { nic, parameters, args } = parseVm([given, "--log=json"]);
  assertEquals(nic.mac, "02:75:0a:00:02:0f");
  assertEquals([parameters, args], [[given], ["serve", "--device=vfio", "--log=json"]]);
});

Deno.test("ping has an address of its own as a flag, and a hub of its own", () => {
  const { nic, hub, parameters, args } = parseVm(["--memory=512", "ping", "-c", "3", "10.0.2.2"]);
  assertEquals(nic.mac, "02:75:0a:00:02:64");
  assertEquals(hub, `ukdeno-ping-${Deno.pid}`);
  assertEquals(parameters, []);
  assertEquals(args, ["ping", "--device=vfio", "--ip=10.0.2.100/24", "-c", "3", "10.0.2.2"]);
  const { args: own } = parseVm(["ping", "--ip=10.0.2.7/24", "10.0.2.2"]);
  assertEquals(own, ["ping", "--device=vfio", "--ip=10.0.2.7/24", "10.0.2.2"]);
});

Deno.test("info has no hub, as it sends nothing", () => {
  const { hub, parameters, args } = parseVm(["info", "--log=json"]);
  assertEquals([hub, parameters, args], [null, [], ["info", "--device=vfio", "--log=json"]]);
});

const REFUSED: readonly [args: readonly string[], message: string][] = [
  [["surf"], 'unknown command "surf": serve, ping and info are possible'],
  [["--frobnicate"], "unknown flag --frobnicate"],
  [["--memory=12"], "--memory=12: a whole number from 128 to 65536 is needed"],
  [["--smp=0"], "--smp=0: a whole number from 1 to 64 is needed"],
  [["--accel=hvf"], "--accel=hvf: kvm and tcg are possible"],
  [
    ["--device=e1000"],
    "--device=e1000: the cards virtio-net-pci, i82550, i82557b, i82559er are possible, " +
    "and vfio:ADDRESS in the guest",
  ],
  [
    ["--device=i82550", "--device=i82550"],
    "--device is given 2 times: a VM has one network card",
  ],
  [["--hub=a", "--hub=b"], "--hub is given 2 times"],
  [
    ["--ip=10.0.2.15"],
    '--ip: IPv4 address "10.0.2.15": its prefix length is missing, as in 10.0.2.15/24',
  ],
  [
    ["--netdev=hubport,hubid=1"],
    "--ip=A.B.C.D/N is needed: only QEMU's user network has a default address",
  ],
  [
    ["ping", "--netdev=hubport,hubid=1", "10.0.2.2"],
    "--ip=10.0.2.100/24 or another is needed: only QEMU's user network has a default",
  ],
  [["ping", "-c", "0", "10.0.2.2"], "-c=0: a whole number from 1 to 1000000000 is needed"],
];

for (const [args, message] of REFUSED) {
  Deno.test(`refused without a VM: ${args.join(" ")}`, () => {
    assertEquals(assertThrows(() => parseVm(args), UsageError).message, message);
  });
}
