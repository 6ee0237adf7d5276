import { assertEquals, assertThrows } from "@std/assert";
import { type NetdevEinfo, type NetdevEinfoType, parseEinfo } from "../../netdev/einfo.ts";
import { AddressError } from "../../stack/address_error.ts";
import { type EinfoSource, ipv4FromEinfo } from "../../stack/ipv4_from_einfo.ts";
import type { Ipv4Range } from "../../stack/ipv4_range.ts";
import { ip } from "./frames.ts";

/** A netdev that was given this. */
function given(einfo: NetdevEinfo): EinfoSource {
  return { name: "net3", einfoGet: (type: NetdevEinfoType) => einfo[type] ?? null };
}

function single(text: string, prefixLength: number): Ipv4Range {
  return { first: ip(text), last: ip(text), prefixLength };
}

Deno.test("a CIDR may be a range, or a list; the gateway is none of them", () => {
  const text = "10.9.0.1-10.9.0.9/24,10.9.0.20/24";
  const ranges = [{ ...single("10.9.0.1", 24), last: ip("10.9.0.9") }, single("10.9.0.20", 24)];
  const gateway = ip("10.9.0.10");
  assertEquals(ipv4FromEinfo(given(parseEinfo(`${text}:10.9.0.10`))), { ranges, gateway });
  assertThrows(
    () => ipv4FromEinfo(given(parseEinfo(`${text}:10.9.0.9`))),
    AddressError,
    "IPV4_GW of net3: gateway 10.9.0.9: this is our own address",
  );
});

Deno.test("a CIDR is address and prefix, with or without a gateway", () => {
  const own = { ranges: [single("172.44.0.2", 24)] };
  assertEquals(ipv4FromEinfo(given(parseEinfo("172.44.0.2/24"))), { ...own, gateway: null });
  assertEquals(
    ipv4FromEinfo(given(parseEinfo("172.44.0.2/24:172.44.0.1:8.8.8.8::host:example.org"))),
    { ...own, gateway: ip("172.44.0.1") },
  );
});

Deno.test("without an address of our own there's nothing, whatever else is set", () => {
  assertEquals(ipv4FromEinfo(given({})), null);
  assertEquals(ipv4FromEinfo(given(parseEinfo(":172.44.0.1:8.8.8.8"))), null);
});

Deno.test("what is known from elsewhere isn't looked up", () => {
  const own = [single("10.0.0.2", 8)];
  assertEquals(
    ipv4FromEinfo(given(parseEinfo("nonsense:10.0.0.1")), { own }),
    { ranges: own, gateway: ip("10.0.0.1") },
  );
  const gateway = ip("172.44.0.9");
  assertEquals(
    ipv4FromEinfo(given(parseEinfo("172.44.0.2/24:nonsense")), { gateway }),
    { ranges: [single("172.44.0.2", 24)], gateway },
  );
  assertThrows(
    () => ipv4FromEinfo(given(parseEinfo(":172.44.0.1")), { own }),
    AddressError,
    "IPV4_GW of net3: gateway 172.44.0.1: outside 10.0.0.0/8",
  );
});

for (
  const [mask, prefixLength] of [
    ["128.0.0.0", 1],
    ["255.0.0.0", 8],
    ["255.255.254.0", 23],
    ["255.255.255.252", 30],
    ["255.255.255.255", 32],
  ] as const
) {
  Deno.test(`the mask ${mask} leaves ${prefixLength} bits`, () => {
    assertEquals(
      ipv4FromEinfo(given({ IPV4_ADDR: "10.1.2.1", IPV4_MASK: mask })),
      { ranges: [single("10.1.2.1", prefixLength)], gateway: null },
    );
  });
}

for (
  const { einfo, message } of [
    {
      einfo: { IPV4_CIDR: "172.44.0.2" },
      message: 'IPV4_CIDR of net3: IPv4 address "172.44.0.2": its prefix length is missing',
    },
    {
      einfo: { IPV4_CIDR: "172.44.0.0/24" },
      message: "IPV4_CIDR of net3: address 172.44.0.0/24: this is the subnet itself",
    },
    {
      einfo: { IPV4_CIDR: "10.0.0.2/24", IPV4_GW: "router" },
      message: 'IPV4_GW of net3: IPv4 address "router": four numbers',
    },
    {
      einfo: { IPV4_CIDR: "10.0.0.2/24", IPV4_GW: "10.0.1.1" },
      message: "IPV4_GW of net3: gateway 10.0.1.1: outside 10.0.0.0/24",
    },
    {
      einfo: { IPV4_CIDR: "10.0.0.2/24", IPV4_GW: "10.0.0.2" },
      message: "IPV4_GW of net3: gateway 10.0.0.2: this is our own address",
    },
    {
      einfo: { IPV4_ADDR: "10.0.0.256", IPV4_MASK: "255.0.0.0" },
      message: 'IPV4_ADDR of net3: IPv4 address "10.0.0.256"',
    },
    {
      einfo: { IPV4_ADDR: "10.0.0.2" },
      message: "IPV4_MASK of net3: an address needs one, and it isn't set",
    },
    {
      einfo: { IPV4_ADDR: "10.0.0.2", IPV4_MASK: "255.0.255.0" },
      message: 'IPV4_MASK of net3: network mask "255.0.255.0": ones and then zeros are needed',
    },
    {
      einfo: { IPV4_ADDR: "10.0.0.2", IPV4_MASK: "0.0.0.0" },
      message: 'IPV4_MASK of net3: network mask "0.0.0.0"',
    },
    {
      einfo: { IPV4_ADDR: "10.255.255.255", IPV4_MASK: "255.0.0.0" },
      message: "IPV4_ADDR of net3: address 10.255.255.255/8: this is the subnet's broadcast",
    },
  ]
) {
  Deno.test(`refused: ${message}`, () => {
    assertThrows(() => ipv4FromEinfo(given(einfo)), AddressError, message);
  });
}
