import { echoFrame, echoReplyFromHost, padded } from "./frames.ts";
import { corrupt, type Probe } from "./host_probe.ts";

/** ICMP messages. */
export const ICMP_PROBES: readonly Probe[] = [
  {
    name: "an echo of 0 bytes in a padded frame",
    frame: padded(echoFrame({}, { payload: [] })),
    expected: echoReplyFromHost({}, { payload: [] }),
  },
  {
    name: "an echo of 0 bytes in an unpadded frame",
    frame: echoFrame({}, { payload: [] }),
    expected: echoReplyFromHost({}, { payload: [] }),
  },
  {
    name: "an all-zero echo, whose reply has checksum 0xffff",
    frame: echoFrame({}, { identifier: 0, sequence: 0, payload: new Uint8Array(56) }),
    expected: echoReplyFromHost({}, {
      identifier: 0,
      sequence: 0,
      payload: new Uint8Array(56),
      checksum: 0xffff,
    }),
  },
  {
    name: "an echo with code 5, answered with code 0",
    frame: echoFrame({}, { code: 5 }),
    expected: echoReplyFromHost(),
  },
  {
    name: "a wrong checksum",
    frame: corrupt(echoFrame(), 14 + 20 + 8 + 20),
    expected: "icmp_bad_checksum",
  },
  { name: "a checksum of 0", frame: echoFrame({}, { checksum: 0 }), expected: "icmp_bad_checksum" },
  ...[13, 15, 17, 42, 99].map((type) => ({
    name: `type ${type}`,
    frame: echoFrame({}, { type }),
    expected: "icmp_unknown_type",
  })),
  ...[3, 4, 5, 11, 12].map((type) => ({
    name: `type ${type}, truncated`,
    frame: padded(echoFrame({}, { type, payload: [] })),
    expected: "icmp_error_message",
  })),
  {
    name: "an echo reply that nobody asked for",
    frame: echoFrame({}, { type: 0 }),
    expected: "icmp_unsolicited_echo_reply",
  },
];
