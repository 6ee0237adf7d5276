import type { HostObserver } from "../../stack/host_observer.ts";
import { HOST_IP, HOST_MAC, ip, mac } from "../stack/frames.ts";
import { type EchoExchange, echoExchanges } from "./echo_requests.ts";

/** Echo requests of all sizes, and the replies that they must get. */
export const EXCHANGES: readonly EchoExchange[] = [0, 1, 17, 18, 19, 56, 390, 1000, 1472]
  .flatMap((bytes, i) => echoExchanges(8, bytes, 77 + i));
/** Others that fit into the smallest netbuf, and so into any ring. */
export const PINGS: readonly EchoExchange[] = [0, 56, 57, 390].flatMap((bytes, i) =>
  echoExchanges(16, bytes, 7777 + i)
);

/** The host that they are for. */
export const STATION = {
  mac: mac(HOST_MAC),
  address: ip(HOST_IP),
  prefixLength: 24,
  gateway: null,
};

/** Whom nothing is to be told. */
export const OBSERVER: HostObserver = {
  firstArp: ignore,
  firstEchoRequest: ignore,
  echoReply: ignore,
  resolutionFailed: ignore,
  addressConflict: ignore,
};

/** Whether two frames are the same. */
export function isSame(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && a.every((byte, i) => byte === b[i]);
}

function ignore(): void {}
