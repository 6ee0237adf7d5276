import { echoExchanges } from "../../tests/device/echo_requests.ts";
import { pcapBytes } from "../../tests/integration/dpdk_pcap.ts";
import { Testpmd } from "../../tests/integration/dpdk_testpmd.ts";
import { BACK_END_CPU } from "./front_ends.ts";

/** Different requests, which come round and round. */
const REQUESTS = 512;
const SEED = 0x75;
const HEADERS_BYTES = 14 + 20 + 8;

/**
 * DPDK's own back-end as a generator: net_pcap gives echo requests as fast as they are taken, and
 * net_vhost passes them to the front-end and takes what comes back, which nobody looks at.
 */
export class PcapGenerator implements AsyncDisposable {
  /** Where it listens. */
  readonly socket: string;
  readonly #folder: string;
  readonly #testpmd: Testpmd;

  private constructor(folder: string, socket: string, testpmd: Testpmd) {
    this.#folder = folder;
    this.socket = socket;
    this.#testpmd = testpmd;
  }

  /** Starts one whose frames have so many bytes (without FCS). It gives none until {@link rate}. */
  static async start(frameBytes: number): Promise<PcapGenerator> {
    const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-peers-" });
    const [socket, pcap] = [`${folder}/vhost.sock`, `${folder}/requests.pcap`];
    const exchanges = echoExchanges(REQUESTS, frameBytes - HEADERS_BYTES, SEED);
    await Deno.writeFile(pcap, pcapBytes(exchanges.map(({ request }) => request)));
    const testpmd = await Testpmd.start({
      cpu: BACK_END_CPU,
      vdevs: [
        `net_vhost0,iface=${socket},queues=1`,
        `net_pcap0,rx_pcap=${pcap},infinite_rx=1`,
      ],
      forward: "io",
      args: ["--no-flush-rx"],
    });
    return new PcapGenerator(folder, socket, testpmd);
  }

  /** Replies a second that came back in so many milliseconds. */
  async rate(milliseconds: number): Promise<number> {
    await this.#testpmd.ask("start");
    const started = performance.now();
    await new Promise((resolve) => setTimeout(resolve, milliseconds));
    const elapsed = performance.now() - started;
    const text = await this.#testpmd.ask("stop");
    const packets = /statistics for port 0 .*?RX-packets: (\d+)/s.exec(text)?.[1];
    if (packets === undefined) throw new Error(`testpmd has no statistics: ${text}`);
    return Number(packets) * 1000 / elapsed;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#testpmd[Symbol.asyncDispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }
}
