/**
 * Open vSwitch with DPDK as child processes: a bridge whose ports are vhost-user sockets, to which
 * it connects itself (`dpdkvhostuserclient`).
 *
 * @module
 */

import { isInstalled } from "../../app/setup/tools.ts";
import { NetworkNamespace, TAP_IS_MISSING } from "../linux/network_namespace.ts";
import { eventually } from "./appliance.ts";
import { firstProcessor } from "./proc.ts";

const VSWITCHD_FOLDER = "/usr/lib/openvswitch-switch-dpdk";
const VSWITCHD = "ovs-vswitchd-dpdk";
const SCHEMA = "/usr/share/openvswitch/vswitch.ovsschema";

/** Why there can be no OVS-DPDK here, or null. */
export const OVS_IS_MISSING: string | null = isInstalled(VSWITCHD, [VSWITCHD_FOLDER])
  ? TAP_IS_MISSING
  : `there is no ${VSWITCHD} (deno task setup --tests)`;

/** Declares a test that needs OVS-DPDK. Where there's none, it says loudly why it is skipped. */
export function ovsTest(name: string, test: () => Promise<void>): void {
  if (OVS_IS_MISSING !== null) console.error(`SKIPPED: ${name}: ${OVS_IS_MISSING}`);
  Deno.test({ name, fn: test, ignore: OVS_IS_MISSING !== null });
}

/**
 * A switch of its own: database, daemon and sockets are in a folder that goes with it. The bridge
 * has a TAP interface, so it is in a network namespace.
 */
export class OvsDpdk implements AsyncDisposable {
  readonly #folder: string;
  readonly #namespace = new NetworkNamespace();
  readonly #daemons: Deno.ChildProcess[] = [];
  /** What the switch said, for whoever asks why something went wrong. */
  #log = Promise.resolve("");

  private constructor(folder: string) {
    this.#folder = folder;
  }

  /** Starts it, with one bridge `br0` that learns MAC addresses, as bridges do. */
  static async start(): Promise<OvsDpdk> {
    const ovs = new OvsDpdk(await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-ovs-" }));
    try {
      await ovs.#start();
    } catch (error) {
      await ovs[Symbol.asyncDispose]();
      throw new Error(`OVS-DPDK: ${await ovs.#log}`, { cause: error });
    }
    return ovs;
  }

  /** Adds a port; where its vhost-user socket is to be. OVS tries to connect there once a second. */
  async addPort(name: string): Promise<string> {
    const socket = `${this.#folder}/${name}.sock`;
    await this.#vsctl(
      ...["add-port", "br0", name, "--", "set", "Interface", name, "type=dpdkvhostuserclient"],
      `options:vhost-server-path=${socket}`,
    );
    return socket;
  }

  /** What OVS has counted of a port: frames to and from who is behind it. */
  async portCounters(name: string): Promise<{ readonly rx: number; readonly tx: number }> {
    const text = await this.#must("ovs-ofctl", "dump-ports", `unix:${this.#folder}/br0.mgmt`, name);
    const [rx, tx] = [...text.matchAll(/[rt]x +pkts=(\d+)/g)].map(([, packets]) => Number(packets));
    return { rx, tx };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const daemon of this.#daemons.toReversed()) {
      try {
        daemon.kill("SIGTERM");
      } catch (error) {
        // It has ended already.
        if (!(error instanceof TypeError)) throw error;
      }
      await daemon.status;
    }
    await this.#log;
    this.#namespace[Symbol.dispose]();
    await Deno.remove(this.#folder, { recursive: true });
  }

  async #start(): Promise<void> {
    const [database, socket] = [`${this.#folder}/conf.db`, `${this.#folder}/db.sock`];
    await this.#must("ovsdb-tool", "create", database, SCHEMA);
    this.#daemon("null", "ovsdb-server", database, `--remote=punix:${socket}`);
    await eventually("OVS has a database", () => exists(socket));
    const processor = `0x${(1n << BigInt(firstProcessor())).toString(16)}`;
    // It has the memory that it shares as files, no huge pages: `--no-wait`, as nobody serves yet.
    const dpdk = [
      ...["--no-huge", "--legacy-mem", "-m", "512", "--no-pci", "--no-telemetry"],
      `--file-prefix=ukdeno-ovs${Deno.pid}`,
    ];
    await this.#vsctl(
      ...["--no-wait", "init", "--", "set", "Open_vSwitch", ".", "other_config:dpdk-init=true"],
      `other_config:dpdk-extra="${dpdk.join(" ")}"`,
      // Else it wants packets for the largest switch there may be, which fill 800 MB.
      "other_config:per-port-memory=true",
      // All on one processor, that the other is left to the appliances.
      ...["dpdk-lcore-mask", "pmd-cpu-mask"].map((mask) => `other_config:${mask}=${processor}`),
    );
    const daemon = this.#daemon("piped", `${VSWITCHD_FOLDER}/${VSWITCHD}`, `unix:${socket}`);
    this.#log = new Response(daemon.stderr).text();
    await this.#vsctl("add-br", "br0", "--", "set", "bridge", "br0", "datapath_type=netdev");
  }

  /** The switch does what it's told before this is over, unless it's told not to wait for that. */
  async #vsctl(...args: readonly string[]): Promise<void> {
    await this.#must("ovs-vsctl", `--db=unix:${this.#folder}/db.sock`, "--timeout=30", ...args);
  }

  async #must(...command: readonly string[]): Promise<string> {
    return await this.#namespace.must("env", ...this.#environment, ...command);
  }

  #daemon(
    stderr: "null" | "piped",
    program: string,
    ...args: readonly string[]
  ): Deno.ChildProcess {
    const { prefix } = this.#namespace;
    const control = `--unixctl=${this.#folder}/${program.replace(/.*\//, "")}.ctl`;
    const daemon = new Deno.Command("setpriv", {
      args: [
        ...["--pdeathsig", "KILL", ...prefix, "env", ...this.#environment],
        ...[program, ...args, control],
      ],
      stdin: "null",
      stdout: "null",
      stderr,
    }).spawn();
    this.#daemons.push(daemon);
    return daemon;
  }

  /** Where OVS and DPDK would have their files and sockets in /var and /run. */
  get #environment(): string[] {
    return ["OVS_RUNDIR", "OVS_DBDIR", "OVS_LOGDIR", "OVS_SYSCONFDIR", "RUNTIME_DIRECTORY"]
      .map((name) => `${name}=${this.#folder}`);
  }
}

function exists(file: string): boolean {
  try {
    Deno.lstatSync(file);
    return true;
  } catch {
    return false;
  }
}
