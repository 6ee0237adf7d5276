import { type Flag, parseFlags, parseNumber, spell } from "../../app/flags.ts";
import { UsageError } from "../../app/usage_error.ts";
import { parseIpv4 } from "../../stack/ipv4_address.ts";
import * as backEnd from "../../tests/device/vhost_user/back_end.ts";
import { FRAME_MAX_BYTES, FRAME_MIN_BYTES } from "./generator_requests.ts";

/** How requests are sent. */
export type Mode =
  | { readonly kind: "closed"; readonly window: number }
  | { readonly kind: "burst"; readonly size: number; readonly pauseSteps: number }
  | { readonly kind: "open"; readonly rate: number };

/** What the generator is told. */
export interface GeneratorOptions {
  readonly path: string;
  /** Whether the front-end listens, and the generator connects. */
  readonly connects: boolean;
  readonly features: bigint;
  readonly queuePairs: number;
  readonly size: number;
  readonly ownIp: number;
  readonly peerIp: number;
  readonly addresses: number;
  readonly mode: Mode;
  /** Whether it waits for kicks when there's nothing to do, in place of polling. */
  readonly sleeps: boolean;
  /** One or both end the run. */
  readonly echoes: number;
  readonly seconds: number;
  readonly warmUpSeconds: number;
  readonly checkEvery: number;
  readonly timeoutSeconds: number;
}

const FLAGS: readonly Flag[] = [
  { name: "connect", value: "yes", help: "connect to a front-end that listens" },
  {
    name: "offer",
    value: "NAME,…",
    help: "features: mrg_rxbuf,in_order,indirect_desc,packed (default: these),event_idx",
  },
  { name: "queues", value: "N", help: "queue pairs, 1 to 16, default 1" },
  { name: "size", value: "BYTES", help: "of a frame without FCS, default 64" },
  { name: "from", value: "A.B.C.D", help: "who asks, default 10.0.2.2" },
  { name: "to", value: "A.B.C.D", help: "who is asked first, default 10.0.2.15" },
  { name: "addresses", value: "N", help: "how many are asked: a power of two, default 1" },
  { name: "window", value: "N", help: "closed loop with so many on their way (default 256)" },
  { name: "burst", value: "N", help: "bursts of N, each answered whole before the next" },
  { name: "pause", value: "STEPS", help: "between bursts, default 300, about 150 ns" },
  { name: "rate", value: "N", help: "open loop of N echoes a second, each one timed" },
  { name: "wait", value: "kick", help: "sleep until the front-end kicks, and never poll" },
  { name: "echoes", value: "N", help: "end after so many requests" },
  { name: "seconds", value: "N", help: "end after so long; default 2 when neither is given" },
  { name: "warm-up", value: "SECONDS", help: "before anything is counted, default 0.5" },
  { name: "check", value: "all|N", help: "compare whole replies: all, or one in N, default 64" },
  { name: "timeout", value: "SECONDS", help: "for the front-end to come up, default 30" },
];

const FEATURES: ReadonlyMap<string, bigint> = new Map([
  ["mrg_rxbuf", backEnd.VIRTIO_NET_F_MRG_RXBUF],
  ["in_order", backEnd.VIRTIO_F_IN_ORDER],
  ["indirect_desc", backEnd.VIRTIO_F_INDIRECT_DESC],
  ["packed", backEnd.VIRTIO_F_RING_PACKED],
  ["event_idx", backEnd.VIRTIO_F_EVENT_IDX],
]);

/** What `--help` prints. */
export const GENERATOR_HELP: string = [
  "usage: bench/peers/generator.ts [FLAG]… PATH: echo requests by a vhost-user back-end at a socket",
  ...FLAGS.map((flag) => `  ${spell(flag).padEnd(18)} ${flag.help}`),
].join("\n");

/** Reads the command line. `UsageError` for what can't be. */
export function parseGeneratorOptions(args: readonly string[]): GeneratorOptions {
  const { values, positional } = parseFlags(args, FLAGS);
  if (positional.length !== 1) throw new UsageError("one PATH of a UNIX socket is needed");
  const number = (name: string, otherwise: number, min: number, max: number): number => {
    const text = values.get(name);
    return text === undefined ? otherwise : parseNumber(`--${name}`, text, { min, max });
  };
  const seconds = (name: string, otherwise: number): number => {
    const text = values.get(name);
    const range = { min: 0, max: 86_400, fraction: true };
    return text === undefined ? otherwise : parseNumber(`--${name}`, text, range);
  };
  const ends = values.has("echoes") || values.has("seconds");
  return {
    path: positional[0],
    connects: values.get("connect") === "yes",
    features: parseOffer(values.get("offer") ?? "mrg_rxbuf,in_order,indirect_desc,packed"),
    queuePairs: number("queues", 1, 1, 16),
    size: number("size", 64, FRAME_MIN_BYTES, FRAME_MAX_BYTES),
    ownIp: parseIpv4(values.get("from") ?? "10.0.2.2"),
    peerIp: parseIpv4(values.get("to") ?? "10.0.2.15"),
    addresses: powerOfTwo("--addresses", number("addresses", 1, 1, 65_536)),
    mode: parseMode(values, number),
    sleeps: values.get("wait") === "kick",
    echoes: number("echoes", Infinity, 1, Number.MAX_SAFE_INTEGER),
    seconds: seconds("seconds", ends ? Infinity : 2),
    warmUpSeconds: seconds("warm-up", 0.5),
    checkEvery: values.get("check") === "all"
      ? 1
      : powerOfTwo("--check", number("check", 64, 1, 2 ** 30)),
    timeoutSeconds: seconds("timeout", 30),
  };
}

function parseMode(
  values: ReadonlyMap<string, string>,
  number: (name: string, otherwise: number, min: number, max: number) => number,
): Mode {
  const given = ["window", "burst", "rate"].filter((name) => values.has(name));
  if (given.length > 1) throw new UsageError(`--${given.join(" and --")} exclude each other`);
  if (given[0] === "burst") {
    const pauseSteps = number("pause", 300, 0, 1e9);
    return { kind: "burst", size: number("burst", 32, 1, 1024), pauseSteps };
  }
  if (given[0] === "rate" && values.has("wait")) {
    throw new UsageError("--rate can't sleep until a kick: it would miss its own time");
  }
  if (given[0] === "rate" && values.has("queues")) {
    throw new UsageError("--rate is for one pair of queues");
  }
  if (given[0] === "rate") return { kind: "open", rate: number("rate", 1, 1, 1e7) };
  return { kind: "closed", window: number("window", 256, 1, 16_384) };
}

function parseOffer(text: string): bigint {
  let features = 0n;
  for (const name of text === "none" ? [] : text.split(",")) {
    const feature = FEATURES.get(name);
    if (feature === undefined) {
      throw new UsageError(`--offer=${text}: "${name}" is none of ${[...FEATURES.keys()]}, none`);
    }
    features |= feature;
  }
  return features;
}

function powerOfTwo(name: string, value: number): number {
  if ((value & (value - 1)) === 0) return value;
  throw new UsageError(`${name}=${value}: a power of two is needed`);
}
