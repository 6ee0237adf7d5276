import { assert } from "@std/assert";
import { connectAbstract } from "../../drivers/ffi/unix_socket.ts";
import { connectHub, HubError } from "../../drivers/hub/hub_port.ts";
import { QmpClient } from "../../drivers/pci/qemu/qmp_client.ts";
import { findAccelerator } from "../../image/accelerator.ts";
import { uniqueHub, within } from "../integration/appliance.ts";
import { StreamPort } from "../integration/frame_port.ts";
import { ConsoleProcess, PATIENCE_MS } from "./console_process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** It's the same for all machines that a test boots. */
const { accelerator } = await findAccelerator();

/**
 * What `deno task vm` does, in its two halves: the image is built, unless it's there, and booted. A
 * shell in between would be one that a test can't have die with it.
 */
const [BUILD, BOOT] = await taskHalves();
await build();

async function taskHalves(): Promise<string[][]> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const halves = String(tasks.vm).split(" && ").map((half) => half.replace(" >&2", "").split(" "));
  assert(halves.length === 2 && halves.every(([program]) => program === "deno"), tasks.vm);
  return halves.map(([_, ...args]) => args);
}

async function build(): Promise<void> {
  const args = ["--pdeathsig", "KILL", Deno.execPath(), ...BUILD];
  const { code, stderr } = await new Deno.Command("setpriv", { args, cwd: ROOT }).output();
  assert(code === 0, new TextDecoder().decode(stderr));
}

/** A virtual machine that is being run as `deno task vm` does, on a hub of its own. */
export class VmAppliance extends ConsoleProcess {
  readonly hub: string;
  readonly #monitor: string;

  private constructor(args: readonly string[]) {
    const hub = uniqueHub();
    const monitor = uniqueHub();
    const own = args.some((arg) => arg.startsWith("--hub=")) ? [] : [`--hub=${hub}`];
    const command = [Deno.execPath(), ...BOOT, ...own, `--monitor=${monitor}`, ...args];
    super(command, ROOT, "\n");
    this.hub = hub;
    this.#monitor = monitor;
  }

  /** Powers one on with these arguments of `vm`. */
  static start(...args: readonly string[]): VmAppliance {
    return new VmAppliance([`--accel=${accelerator}`, ...args]);
  }

  /** The same as a user would: which accelerator works is found out. */
  static task(...args: readonly string[]): VmAppliance {
    return new VmAppliance(args);
  }

  /** The same with an appliance that logs JSON, when it's ready. */
  static async serve(...args: readonly string[]): Promise<VmAppliance> {
    const vm = VmAppliance.start("--log=json", ...args);
    try {
      await vm.event("ready");
      return vm;
    } catch (error) {
      await vm[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Waits until its QEMU runs, long before anything is on the console. */
  async powered(): Promise<void> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      try {
        using _port = await this.port();
        return;
      } catch (error) {
        const isEarly = error instanceof HubError && error.code === "ENOENT" && !this.hasEnded;
        if (!isEarly || performance.now() > deadline) throw error;
      }
      await within(50, this.changed);
    }
  }

  /** Position behind them all, to wait for what comes. */
  get now(): number {
    return this.lines.length;
  }

  /** Types a command on the console, and waits for its answer: all lines of it but the last. */
  async command(name: string): Promise<string[]> {
    const before = this.now;
    await this.type(name);
    const last = await this.line(/^(ok|error) /, before);
    assert(last === `ok ${name}`, `${name}: ${last}`);
    return this.lines.slice(before, this.lines.indexOf(last, before));
  }

  /** The same: the numbers at the ends of its lines, by what is in front of them. */
  async numbers(name: string): Promise<ReadonlyMap<string, number>> {
    const lines = (await this.command(name)).map((line) => /^(.*) (\d+)$/.exec(line));
    return new Map(lines.flatMap((found) => found === null ? [] : [[found[1], Number(found[2])]]));
  }

  /** A place on its network. */
  async port(): Promise<StreamPort> {
    const { socket, headerSent } = await connectHub(this.hub);
    return new StreamPort(socket, headerSent);
  }

  /** Its operator, who is one at a time. */
  operate(): QmpClient & Disposable {
    const socket = connectAbstract(this.#monitor);
    const qmp = new QmpClient(socket);
    qmp.execute("qmp_capabilities");
    return Object.assign(qmp, { [Symbol.dispose]: () => socket[Symbol.dispose]() });
  }
}
