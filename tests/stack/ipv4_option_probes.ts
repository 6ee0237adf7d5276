import { concat, echoFrame, echoReplyFromHost } from "./frames.ts";
import type { Probe } from "./host_probe.ts";

/** An echo request with these options, padded with EOL to whole words. */
function withOptions(...options: number[]): Uint8Array {
  return echoFrame({ options: concat(options, new Uint8Array(-options.length & 3)) });
}

const WITHOUT_OPTIONS = echoReplyFromHost();

/** IPv4 headers with options. */
export const OPTION_PROBES: readonly Probe[] = [
  { name: "NOP and EOL", frame: withOptions(1, 1, 1, 0), expected: WITHOUT_OPTIONS },
  { name: "an unknown option", frame: withOptions(0x9e, 4, 1, 2), expected: WITHOUT_OPTIONS },
  { name: "a router alert", frame: withOptions(148, 4, 0, 0), expected: WITHOUT_OPTIONS },
  {
    name: "a record route",
    frame: withOptions(7, 11, 4, 0, 0, 0, 0, 0, 0, 0, 0),
    expected: WITHOUT_OPTIONS,
  },
  {
    name: "a timestamp",
    frame: withOptions(68, 12, 5, 0, 0, 0, 0, 0, 0, 0, 0, 0),
    expected: WITHOUT_OPTIONS,
  },
  {
    name: "40 bytes of options",
    frame: withOptions(...new Array<number>(40).fill(1)),
    expected: WITHOUT_OPTIONS,
  },
  { name: "garbage behind EOL", frame: withOptions(0, 131, 0, 7), expected: WITHOUT_OPTIONS },
  {
    name: "a loose source route",
    frame: withOptions(131, 7, 4, 10, 0, 2, 9),
    expected: "ipv4_source_route",
  },
  {
    name: "a strict source route",
    frame: withOptions(137, 7, 4, 10, 0, 2, 9),
    expected: "ipv4_source_route",
  },
  {
    name: "a source route behind a NOP",
    frame: withOptions(1, 131, 3, 4),
    expected: "ipv4_source_route",
  },
  { name: "length 0", frame: withOptions(0x9e, 0, 0, 0), expected: "ipv4_bad_option" },
  { name: "length 1", frame: withOptions(0x9e, 1, 0, 0), expected: "ipv4_bad_option" },
  {
    name: "length past the header",
    frame: withOptions(1, 0x9e, 4, 0),
    expected: "ipv4_bad_option",
  },
  { name: "no length", frame: withOptions(1, 1, 1, 0x9e), expected: "ipv4_bad_option" },
  {
    name: "a record route with pointer 0",
    frame: withOptions(7, 7, 0, 0, 0, 0, 0),
    expected: "ipv4_bad_option",
  },
  {
    name: "a record route with pointer 3",
    frame: withOptions(7, 7, 3, 0, 0, 0, 0),
    expected: "ipv4_bad_option",
  },
  {
    name: "a record route without a pointer",
    frame: withOptions(1, 1, 7, 2),
    expected: "ipv4_bad_option",
  },
  {
    name: "a timestamp with pointer 4",
    frame: withOptions(68, 8, 4, 0, 0, 0, 0, 0),
    expected: "ipv4_bad_option",
  },
];
