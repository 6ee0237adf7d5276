import { runNetdev } from "../../app/run_netdev.ts";
import { PollScheduler } from "../../netdev/poll_scheduler.ts";
import { EchoPartner } from "../../tests/device/echo_partner.ts";
import { echoExchanges } from "../../tests/device/echo_requests.ts";
import { probeVirtioNet } from "../../tests/device/probe_virtio_net.ts";
import { arpFrame, HOST_IP, HOST_MAC, ip, mac } from "../../tests/stack/frames.ts";
import type { Pace } from "./pace.ts";
import { row, type Section, side } from "./row.ts";
import { QUIET } from "../../tests/stack/quiet_observer.ts";

const BURST = 32;
/** What asks, and so is remembered; the last fill the cache. */
const ENTRIES = [1, 32, 512];
const ECHOES = 8192;
const LAPS = 8;
/** Without FCS and headers: 64 bytes. */
const PAYLOAD_BYTES = 22;
const SEED = 0x75;

/**
 * What an echo costs a host that remembers many neighbours. In one process, with the device model of
 * the tests, whose own cost is the same in all rows and isn't subtracted.
 */
export function arpEntries(pace: Pace): Promise<Section> {
  const hosts = ENTRIES.map((entries) => new KnowingHost(entries));
  const figures = ENTRIES.map((): number[] => []);
  for (const host of hosts) host.run();
  for (let round = 0; round < pace.rounds; round++) {
    hosts.forEach((host, i) => figures[i].push(host.run()));
  }
  const [one, ...many] = ENTRIES.map((entries, i) =>
    side(entries === 1 ? "ukdeno, 1 entry" : "ukdeno", figures[i])
  );
  const rows = many.map((ours, i) => row(`${ENTRIES[i + 1]} ARP entries`, "ns/echo", ours, one));
  rows.forEach(pace.say);
  return Promise.resolve({
    title: "Cost of an echo with a full ARP cache",
    notes: [
      `In one process, with the tests' device, whose cost is in it: bursts of ${BURST} of 64 bytes.`,
      "Requests come from 16 stations, and a reply goes to the MAC address that its request is from.",
    ],
    rows,
  });
}

/** A host that so many stations ask by ARP for its address, and that then answers echo requests. */
class KnowingHost {
  readonly #entries: number;
  readonly #partner: EchoPartner;
  readonly #scheduler = new PollScheduler();

  constructor(entries: number) {
    this.#entries = entries;
    const echoes = echoExchanges(ECHOES, PAYLOAD_BYTES, SEED).map(({ request }) => request);
    this.#partner = new EchoPartner(mac(HOST_MAC), [...askers(entries), ...echoes]);
    const { netdev } = probeVirtioNet(this.#partner);
    const place = { address: ip(HOST_IP), prefixLength: 8, gateway: null };
    runNetdev(netdev, place, this.#scheduler, QUIET);
  }

  /** Nanoseconds an echo: the median of some laps. */
  run(): number {
    const laps = Array.from({ length: LAPS }, () => {
      this.#answer(this.#entries, 1);
      const started = performance.now();
      this.#answer(ECHOES / BURST, BURST);
      return (performance.now() - started) * 1e6 / ECHOES;
    });
    return side("laps", laps).median;
  }

  #answer(turns: number, burst: number): void {
    const { taken } = this.#partner;
    for (let i = 0; i < turns; i++) {
      this.#partner.offer(burst);
      this.#scheduler.round(0);
      this.#partner.take();
    }
    const answers = this.#partner.taken - taken;
    if (answers !== turns * burst) throw new Error(`${answers} of ${turns * burst} were answered`);
  }
}

/** ARP requests from addresses of 10.0.0.0/8 for the host's. */
function askers(count: number): Uint8Array[] {
  return Array.from({ length: count }, (_, i) => {
    const [upper, lower] = [i >>> 8, i & 0xff];
    const source = `52:55:0a:01:${hex(upper)}:${hex(lower)}`;
    return arpFrame({ source, sha: source, spa: `10.1.${upper}.${lower}` });
  });
}

function hex(byte: number): string {
  return byte.toString(16).padStart(2, "0");
}
