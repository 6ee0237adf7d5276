import { assert, assertEquals } from "@std/assert";
import { parsePcap } from "../app/pcap_file.ts";
import { type EchoExchange, echoExchanges } from "../device/echo_requests.ts";
import { Capture } from "./capture.ts";
import { pcapBytes } from "./dpdk_pcap.ts";
import { Testpmd } from "./dpdk_testpmd.ts";

/** Payloads: none, odd ones, ping's, and the longest that a frame holds. */
const PAYLOADS = [0, 1, 18, 56, 999, 1472];
const SEED = 0x75;
const PATIENCE_MS = 30_000;

const ETHERTYPE = 12;
const PROTOCOL = 23;

/** How DPDK's back-end is run. */
export interface DpdkVhostOptions {
  /** For its socket and its files; the caller's. */
  readonly folder: string;
  /** Whether it connects to us, once a second until it's done, or listens for us. */
  readonly client: boolean;
  /** Requests of each of {@link PAYLOADS}. */
  readonly requests: number;
  /** Pairs of queues, 1 unless told otherwise: each has a share of the requests. */
  readonly queues?: number;
}

/**
 * DPDK's net_vhost, with a file of echo requests to the host of frames.ts behind it and another file
 * for all that comes back.
 */
export class DpdkVhost implements AsyncDisposable {
  /** Where it listens, or connects. */
  readonly socket: string;
  /** What it gives, and what it must get back, in this order. */
  readonly exchanges: readonly EchoExchange[];
  /** A file for each pair of queues. */
  readonly #replies: readonly string[];
  readonly #testpmd: Testpmd;

  private constructor(
    socket: string,
    exchanges: readonly EchoExchange[],
    replies: readonly string[],
    testpmd: Testpmd,
  ) {
    this.socket = socket;
    this.exchanges = exchanges;
    this.#replies = replies;
    this.#testpmd = testpmd;
  }

  /** Starts it. It gives no frame until {@link run}. */
  static async start(options: DpdkVhostOptions): Promise<DpdkVhost> {
    const { folder, client, requests, queues = 1 } = options;
    const socket = `${folder}/vhost.sock`;
    const exchanges = PAYLOADS.flatMap((bytes, i) => echoExchanges(requests, bytes, SEED + i));
    const replies: string[] = [];
    const files: string[] = [];
    for (let queue = 0; queue < queues; queue++) {
      const [given, got] = [`${folder}/requests${queue}.pcap`, `${folder}/replies${queue}.pcap`];
      const share = shareOf(exchanges, queue, queues).map(({ request }) => request);
      await Deno.writeFile(given, pcapBytes(share));
      files.push(`rx_pcap=${given}`, `tx_pcap=${got}`);
      replies.push(got);
    }
    const testpmd = await Testpmd.start({
      vdevs: [
        `net_vhost0,iface=${socket},queues=${queues},client=${client ? 1 : 0}`,
        ["net_pcap0", ...files].join(","),
      ],
      forward: "io",
      // It would take the file's frames for what had been waiting before the start.
      args: ["--no-flush-rx", `--rxq=${queues}`, `--txq=${queues}`],
    });
    // Until the ring has room again: else what is too much for it would be lost.
    await testpmd.ask("set fwd io retry");
    await testpmd.ask("set burst tx delay 10 retry 1000000");
    return new DpdkVhost(socket, exchanges, replies, testpmd);
  }

  /** Waits until its front-end has set up both rings. */
  async connected(): Promise<void> {
    await this.#testpmd.logged(/virtio is now ready for processing/);
  }

  /** Waits until its front-end has gone. */
  async disconnected(): Promise<void> {
    await this.#testpmd.logged(/vhost peer closed|vhost device removed|free connfd/);
  }

  /** Gives all requests, and waits for as many replies. */
  async run(): Promise<void> {
    await this.#testpmd.ask("start");
    const deadline = performance.now() + PATIENCE_MS;
    let replies = 0;
    while (replies < this.exchanges.length && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, 20));
      const statistics = await this.#testpmd.ask("show fwd stats all");
      replies = Number(/statistics for port 0 .*?RX-packets: (\d+)/s.exec(statistics)?.[1]);
    }
    await this.#testpmd.ask("stop");
  }

  /** Each request has its reply, in the order of its queue, right in each byte and for tshark. */
  async assertAnswered(): Promise<void> {
    for (const [queue, file] of this.#replies.entries()) {
      const share = shareOf(this.exchanges, queue, this.#replies.length);
      await assertReplies(file, share, this.#testpmd.log);
    }
  }

  /** Ends it as a crash would. */
  async kill(): Promise<void> {
    await this.#testpmd.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#testpmd[Symbol.asyncDispose]();
  }
}

function shareOf<Item>(items: readonly Item[], queue: number, queues: number): Item[] {
  return items.filter((_, i) => i % queues === queue);
}

async function assertReplies(
  file: string,
  exchanges: readonly EchoExchange[],
  log: string,
): Promise<void> {
  const frames = parsePcap(await Deno.readFile(file)).map(({ bytes }) => bytes);
  const replies = frames.filter((frame) =>
    frame[ETHERTYPE] === 0x08 && frame[ETHERTYPE + 1] === 0 && frame[PROTOCOL] === 1
  );
  assertEquals(replies.length, exchanges.length, log.slice(-2000));
  exchanges.forEach(({ reply }, i) => {
    const same = reply.length === replies[i].length &&
      reply.every((byte, at) => byte === replies[i][at]);
    if (!same) assertEquals(replies[i], reply, `reply ${i}`);
  });
  const capture = await Capture.read(file);
  const judged = capture.where(({ icmpType }) => icmpType === "0");
  assertEquals(judged.length, replies.length);
  const bad = judged.filter(({ ipChecksum, icmpChecksum, malformed, warning }) =>
    ipChecksum + icmpChecksum + malformed + warning !== "11"
  );
  assertEquals(bad, []);
}

/** A folder in /tmp for the files of one test, gone with it. */
export class TestFolder implements AsyncDisposable {
  readonly path: string = Deno.makeTempDirSync({ dir: "/tmp", prefix: "ukdeno-peer-" });

  async [Symbol.asyncDispose](): Promise<void> {
    assert(this.path.startsWith("/tmp/"));
    await Deno.remove(this.path, { recursive: true });
  }
}
