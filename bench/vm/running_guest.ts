import { NetworkNamespace } from "../../tests/linux/network_namespace.ts";
import { PEER_IP, PEER_MAC } from "../../tests/stack/frames.ts";
import { ConsoleLines } from "./console_lines.ts";
import { guestCommandLine, type GuestMachine, TAP } from "./guest_command_line.ts";
import type { Guest } from "./guests.ts";
import { warmMemory } from "./warm_memory.ts";

/** How long a guest may take for anything. */
const PATIENCE_MS = 60_000;
const LOOK_MS = 5;

/** What QEMU has for itself, and the files that it reads. */
const QEMU_MIB = 128;

/** Frames that wait for a card whose driver isn't there yet: what comes then is to be of that time. */
const TAP_QUEUE = 2;

/** A guest under QEMU, and a network namespace with nothing but the other end of its cable. */
export class RunningGuest implements AsyncDisposable {
  readonly guest: Guest;
  readonly linux: NetworkNamespace;
  readonly console = new ConsoleLines();
  readonly pid: number;
  /** When it was started, by `performance.now()`. */
  readonly startedAt: number;
  readonly #child: Deno.ChildProcess;
  readonly #input: WritableStreamDefaultWriter<Uint8Array<ArrayBuffer>>;
  readonly #read: Promise<void>;
  #ended = false;

  /** Makes the network, and powers the guest on. Needs root. */
  static async start(guest: Guest, machine: GuestMachine): Promise<RunningGuest> {
    const linux = new NetworkNamespace();
    try {
      await linux.ip("tuntap", "add", "dev", TAP, "mode", "tap");
      await linux.ip("link", "set", TAP, "txqueuelen", `${TAP_QUEUE}`);
      await linux.ip("link", "set", TAP, "address", PEER_MAC, "up");
      await linux.ip("addr", "add", `${PEER_IP}/24`, "dev", TAP);
      warmMemory(machine.memory + QEMU_MIB);
      return new RunningGuest(guest, machine, linux);
    } catch (error) {
      linux[Symbol.dispose]();
      throw error;
    }
  }

  private constructor(guest: Guest, machine: GuestMachine, linux: NetworkNamespace) {
    this.guest = guest;
    this.linux = linux;
    const qemu = ["qemu-system-x86_64", ...guestCommandLine(guest, machine)];
    this.startedAt = performance.now();
    this.#child = new Deno.Command("setpriv", {
      args: ["--pdeathsig", "KILL", ...linux.prefix, ...qemu],
      stdin: "piped",
      stdout: "piped",
      stderr: "inherit",
    }).spawn();
    this.pid = this.#child.pid;
    this.#input = this.#child.stdin.getWriter();
    this.#read = this.#readConsole();
  }

  /** Milliseconds since it was started. */
  get age(): number {
    return performance.now() - this.startedAt;
  }

  /** Types a line on its console. */
  async type(line: string): Promise<void> {
    await this.#input.write(new TextEncoder().encode(`${line}\n`));
  }

  /** Looks again and again until there's something to be found. Throws when that takes too long. */
  async until<Found>(what: string, find: () => Found | null): Promise<Found> {
    const deadline = performance.now() + PATIENCE_MS;
    for (;;) {
      const found = find();
      if (found !== null) return found;
      if (this.#ended || performance.now() > deadline) {
        const why = this.#ended ? "ended" : `took more than ${PATIENCE_MS} ms`;
        throw new Error(`${this.guest.name}: ${why} without ${what}:\n${this.console.tail}`);
      }
      await new Promise((resolve) => setTimeout(resolve, LOOK_MS));
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      this.#child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await this.#read;
    await this.#child.status;
    await this.#input.abort().catch(() => {});
    this.linux[Symbol.dispose]();
  }

  async #readConsole(): Promise<void> {
    for await (const text of this.#child.stdout.pipeThrough(new TextDecoderStream())) {
      this.console.add(text, this.age);
    }
    this.#ended = true;
  }
}
