import { echoFrame, echoReplyFromHost, type Ipv4Fields } from "../stack/frames.ts";
import { SeededRandom } from "../stack/seeded_random.ts";

/** A request and the reply that it must get. */
export interface EchoExchange {
  readonly request: Uint8Array;
  readonly reply: Uint8Array;
}

/**
 * `count` echo requests with `payloadBytes` random bytes each from 16 stations, and the replies of
 * the host of frames.ts. The same `seed` (any int32 but 0) makes the same ones.
 */
export function echoExchanges(count: number, payloadBytes: number, seed: number): EchoExchange[] {
  const random = new SeededRandom(seed);
  return Array.from({ length: count }, (_, i) => {
    const ip = `10.0.2.${100 + i % 16}`;
    const mac = `52:55:0a:00:02:${(100 + i % 16).toString(16)}`;
    const tos = random.below(256);
    const icmp = {
      identifier: random.below(0x10000),
      sequence: i,
      payload: random.bytes(payloadBytes),
    };
    const to: Ipv4Fields = { source: mac, from: ip, tos, id: random.below(0x10000) };
    return {
      request: echoFrame(to, icmp),
      reply: echoReplyFromHost({ destination: mac, to: ip, tos }, icmp),
    };
  });
}
