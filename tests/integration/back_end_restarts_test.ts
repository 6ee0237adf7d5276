import { GeneratorProcess } from "../../bench/peers/generator_process.ts";
import { echoExchanges } from "../device/echo_requests.ts";
import { HOST_IP } from "../stack/frames.ts";
import { Appliance } from "./appliance.ts";
import { assertSurvivesRestarts, listening, type RestartedBackEnd } from "./back_end_restarts.ts";
import { pcapBytes } from "./dpdk_pcap.ts";
import { dpdkTest, Testpmd } from "./dpdk_testpmd.ts";
import { TestFolder } from "./dpdk_vhost.ts";

const RESTARTS = 50;
const DPDK_RESTARTS = 3;
/**
 * DPDK tries to connect once a second; and the thread that accepts connections looks for new
 * listeners as seldom (lib/vhost/fd_man.c, fdset_event_dispatch).
 */
const DPDK_SOON_MS = 2000;

/** A folder of its own, in which the socket is. */
class Killable {
  readonly folder = new TestFolder();
  readonly socket: string = `${this.folder.path}/back-end.sock`;

  /** What was killed has left it behind. */
  removeSocket(): void {
    try {
      Deno.removeSync(this.socket);
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error;
    }
  }
}

/** Our own back-end, whose window is always full. */
class OwnBackEnd extends Killable implements RestartedBackEnd, AsyncDisposable {
  #process: GeneratorProcess | null = null;

  async start(): Promise<number> {
    this.removeSocket();
    const args = ["--seconds=600", `--to=${HOST_IP}`];
    this.#process = new GeneratorProcess(args, { socket: this.socket });
    await this.#process.listening();
    return performance.now();
  }

  async kill(): Promise<void> {
    await this.#process?.kill();
    this.#process = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.folder[Symbol.asyncDispose]();
  }
}

/** DPDK's, with echo requests without end. */
class DpdkBackEnd extends Killable implements RestartedBackEnd, AsyncDisposable {
  readonly #client: boolean;
  #testpmd: Testpmd | null = null;

  /** `client`: whether it connects to us. */
  constructor(client: boolean) {
    super();
    this.#client = client;
  }

  async start(forward: readonly string[] = ["--auto-start"]): Promise<number> {
    if (!this.#client) this.removeSocket();
    const pcap = `${this.folder.path}/requests.pcap`;
    const requests = echoExchanges(64, 56, 1).map(({ request }) => request);
    await Deno.writeFile(pcap, pcapBytes(requests));
    this.#testpmd = await Testpmd.start({
      vdevs: [
        `net_vhost0,iface=${this.socket},queues=1,client=${this.#client ? 1 : 0}`,
        `net_pcap0,rx_pcap=${pcap},infinite_rx=1`,
      ],
      forward: "io",
      args: ["--no-flush-rx", ...forward],
    });
    // It listens, or tries to connect, since before that; but how long it takes to start is not ours.
    return performance.now();
  }

  /** The first time it's quiet until the appliance is ready. */
  async startQuiet(): Promise<void> {
    await this.start([]);
  }

  async forward(): Promise<void> {
    await this.#testpmd?.ask("start");
  }

  async kill(): Promise<void> {
    await this.#testpmd?.[Symbol.asyncDispose]();
    this.#testpmd = null;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await this.folder[Symbol.asyncDispose]();
  }
}

function appliance(socket: string): Appliance {
  return new Appliance([`--device=vhost-user:${socket}`, `--ip=${HOST_IP}/24`]);
}

Deno.test(`a back-end killed ${RESTARTS} times: served again soon, nothing left over`, async () => {
  await using backEnd = new OwnBackEnd();
  await backEnd.start();
  await using host = appliance(backEnd.socket);
  await assertSurvivesRestarts("our back-end", host, backEnd, RESTARTS);
  await host.stop();
});

dpdkTest(`DPDK killed ${DPDK_RESTARTS} times where it listens: served again soon`, async () => {
  await using backEnd = new DpdkBackEnd(false);
  await backEnd.startQuiet();
  await using host = appliance(backEnd.socket);
  await host.event("ready");
  await backEnd.forward();
  await assertSurvivesRestarts("DPDK listening", host, backEnd, DPDK_RESTARTS, DPDK_SOON_MS);
  await host.stop();
});

dpdkTest(`DPDK killed ${DPDK_RESTARTS} times where it connects: served again soon`, async () => {
  await using backEnd = new DpdkBackEnd(true);
  await using host = appliance(`${backEnd.socket},server=on`);
  await listening(backEnd.socket);
  await backEnd.startQuiet();
  await host.event("ready");
  await backEnd.forward();
  await assertSurvivesRestarts("DPDK connecting", host, backEnd, DPDK_RESTARTS, DPDK_SOON_MS);
  await host.stop();
});
