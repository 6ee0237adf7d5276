import { assertEquals } from "@std/assert";
import {
  EINFO_TYPES,
  einfoFromArguments,
  einfoFromCommandLine,
  type NetdevEinfo,
  type NetdevEinfoType,
  parseEinfo,
} from "../../netdev/einfo.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { fakeDevice, FakeDriver } from "./fake_driver.ts";

/** A driver whose device was given this by somebody else than the command line. */
class GivenDriver extends FakeDriver {
  readonly given: NetdevEinfo;

  constructor(given: NetdevEinfo) {
    super();
    this.given = given;
  }

  einfoGet(type: NetdevEinfoType): string | null {
    return this.given[type] ?? null;
  }
}

/** All that a device tells. */
function told(netdev: Netdev): NetdevEinfo {
  return Object.fromEntries(
    EINFO_TYPES.map((type) => [type, netdev.einfoGet(type)]).filter(([, text]) => text !== null),
  );
}

for (
  const { element, einfo } of [
    { element: "", einfo: {} },
    { element: "172.44.0.2/24", einfo: { IPV4_CIDR: "172.44.0.2/24" } },
    {
      element: "172.44.0.2/24:172.44.0.1:::",
      einfo: { IPV4_CIDR: "172.44.0.2/24", IPV4_GW: "172.44.0.1" },
    },
    { element: ":::8.8.4.4", einfo: { IPV4_DNS1: "8.8.4.4" } },
    {
      element: "a:b:c:d:e:f",
      einfo: {
        IPV4_CIDR: "a",
        IPV4_GW: "b",
        IPV4_DNS0: "c",
        IPV4_DNS1: "d",
        IPV4_HOSTNAME: "e",
        IPV4_DOMAIN: "f",
      },
    },
    { element: ":::::f:g:h", einfo: { IPV4_DOMAIN: "f" } },
    { element: " no address ", einfo: { IPV4_CIDR: " no address " } },
  ]
) {
  Deno.test(`an element sets ${Object.keys(einfo).length} fields: "${element}"`, () => {
    assertEquals(parseEinfo(element), einfo);
  });
}

Deno.test("each device has an element of its own, given one by one or as a list", () => {
  const two = [{ IPV4_CIDR: "10.0.0.2/24" }, { IPV4_CIDR: "10.1.0.2/24", IPV4_GW: "10.1.0.1" }];
  for (
    const line of [
      "kernel netdev.ip=10.0.0.2/24 quiet netdev.ip=10.1.0.2/24:10.1.0.1 -- app",
      'kernel netdev.ip=[ "10.0.0.2/24" "10.1.0.2/24:10.1.0.1" ] -- netdev.ip=10.2.0.2/24',
      "kernel 'netdev.ip=10.0.0.2/24' netdev.ip=[10.1.0.2/24:10.1.0.1]",
    ]
  ) assertEquals(einfoFromCommandLine(line), two, line);
});

Deno.test("a device before another may be given nothing", () => {
  assertEquals(
    einfoFromArguments(["netdev.ip=", "netdev.ip=10.1.0.2/24"]),
    [{}, { IPV4_CIDR: "10.1.0.2/24" }],
  );
});

Deno.test("a registered device tells the element of its number, also when others have gone", () => {
  const einfo = einfoFromCommandLine("netdev.ip=a:b netdev.ip=c:d::::domain");
  const registry = new NetdevRegistry({ einfo });
  const first = registry.drvRegister(fakeDevice(new FakeDriver()));
  first.close();
  registry.drvUnregister(first);
  const [second, third] = [0, 1].map(() => registry.drvRegister(fakeDevice(new FakeDriver())));
  for (const netdev of [second, third]) netdev.probe();
  assertEquals([second.id, second.name], [1, "net0"]);
  assertEquals(told(second), { IPV4_CIDR: "c", IPV4_GW: "d", IPV4_DOMAIN: "domain" });
  assertEquals(told(third), {});
});

Deno.test("the command line overrides what the driver tells, field by field", () => {
  const registry = new NetdevRegistry({ einfo: [parseEinfo(":gateway:::host")] });
  const given = { IPV4_CIDR: "c", IPV4_GW: "g", IPV4_DOMAIN: "d" };
  const netdev = registry.drvRegister(fakeDevice(new GivenDriver(given)));
  netdev.probe();
  assertEquals(told(netdev), {
    IPV4_CIDR: "c",
    IPV4_GW: "gateway",
    IPV4_HOSTNAME: "host",
    IPV4_DOMAIN: "d",
  });
});

Deno.test("address and mask are told unless there's a CIDR, whoever gave that", () => {
  const parts = { IPV4_ADDR: "a", IPV4_MASK: "m" };
  for (
    const { line, given, expected } of [
      { line: "", given: parts, expected: parts },
      { line: "netdev.ip=c", given: parts, expected: { IPV4_CIDR: "c" } },
      { line: "", given: { ...parts, IPV4_CIDR: "c" }, expected: { IPV4_CIDR: "c" } },
      { line: "netdev.ip=:g", given: parts, expected: { ...parts, IPV4_GW: "g" } },
    ]
  ) {
    const registry = new NetdevRegistry({ einfo: einfoFromCommandLine(line) });
    const netdev = registry.drvRegister(fakeDevice(new GivenDriver(given)));
    netdev.probe();
    assertEquals(told(netdev), expected);
  }
});

Deno.test("a recorder leaves the driver's einfo alone", () => {
  const recorder = { received(): void {}, stage: (): number => 0, sent(): void {} };
  const netdev = new NetdevRegistry({ recorder }).drvRegister(
    fakeDevice(new GivenDriver({ IPV4_GW: "g" })),
  );
  netdev.probe();
  assertEquals(told(netdev), { IPV4_GW: "g" });
});
