import {
  arpFrame,
  echoFrame,
  ethernetFrame,
  HOST_MAC,
  icmpMessage,
  ipv4Frame,
  padded,
} from "../stack/frames.ts";
import { echoExchanges } from "../device/echo_requests.ts";

/** Of the frames of {@link mixedTraffic}, those that are answered. */
export const ANSWERED = 24;

/** 32 frames: echo requests of several sizes, ARP, and what is dropped for one reason or another. */
export function mixedTraffic(): Uint8Array[] {
  const echoes = [0, 1, 18, 56, 57, 512, 1472].flatMap((payloadBytes, i) =>
    echoExchanges(3, payloadBytes, 1 + i).map(({ request }) => request)
  );
  const arps = [2, 3].map((n) =>
    arpFrame({ source: `52:55:0a:00:02:0${n}`, sha: `52:55:0a:00:02:0${n}`, spa: `10.0.2.${n}` })
  );
  const withOptions = echoFrame({ options: [1, 1, 1, 0] });
  const dropped = [
    echoFrame({ checksum: 1 }),
    echoFrame({}, { checksum: 1 }),
    echoFrame({ to: "10.0.2.16" }),
    echoFrame({ fragment: 0x2000 }),
    echoFrame({ destination: "01:00:5e:00:00:01" }),
    ipv4Frame({ protocol: 17 }, icmpMessage()),
    ethernetFrame({ destination: HOST_MAC, type: 0x86dd }, new Uint8Array(46)),
    arpFrame({ tpa: "10.0.2.77" }),
  ];
  return [...echoes, ...arps, withOptions, ...dropped].map(padded);
}
