import { Appliance } from "../../tests/integration/appliance.ts";
import { LinuxPair } from "../../tests/integration/linux_pair.ts";
import { NetworkNamespace } from "../../tests/linux/network_namespace.ts";
import { HOST_IP } from "../../tests/stack/frames.ts";

/** Where the pinger is, on every network; the host that answers is HOST_IP. */
const PINGER = "10.0.2.2/24";

/** A host that answers pings, and the network namespace from which it's pinged at HOST_IP. */
export interface AnsweringHost extends AsyncDisposable {
  /** Who answers, and over what. */
  readonly name: string;
  readonly linux: NetworkNamespace;
}

/** Linux's kernel in another namespace, over a veth pair: no process takes part. */
export async function linuxOnVeth(): Promise<AnsweringHost> {
  const pair = await LinuxPair.create();
  const dispose = (): Promise<void> => Promise.resolve(pair[Symbol.dispose]());
  return { name: "Linux, veth pair", linux: pair.near, [Symbol.asyncDispose]: dispose };
}

/** The same kernel at the far end of two TAP interfaces that a process joins. */
export async function linuxOnTap(): Promise<AnsweringHost> {
  await using stack = new AsyncDisposableStack();
  const linux = stack.use(new NetworkNamespace());
  const far = stack.use(new NetworkNamespace());
  const joiner = new URL("tap_joiner.ts", import.meta.url).pathname;
  const deno = [Deno.execPath(), "run", "--no-prompt", "--allow-ffi", joiner];
  stack.use(await startProgram([...linux.prefix, ...deno, "tap0", "far0"]));
  await linux.ip("addr", "add", PINGER, "dev", "tap0");
  await linux.ip("link", "set", "far0", "netns", far.prefix[1].slice("--net=".length));
  await far.ip("addr", "add", `${HOST_IP}/24`, "dev", "far0");
  await far.ip("link", "set", "far0", "up");
  return { name: "Linux, two TAPs joined", linux, ...disposal(stack.move()) };
}

/** The appliance as `serve` is without more flags. */
export async function ukdenoOnTap(): Promise<AnsweringHost> {
  await using stack = new AsyncDisposableStack();
  const linux = stack.use(new NetworkNamespace());
  const flags = ["--device=tap:tap0", `--ip=${HOST_IP}/24`];
  const appliance = stack.use(new Appliance(flags, { within: linux.prefix }));
  await appliance.event("ready");
  await linux.ip("addr", "add", PINGER, "dev", "tap0");
  return { name: "ukdeno, TAP", linux, ...disposal(stack.move()) };
}

/** A Scapy script at the far end of a veth pair, whose kernel has no address and keeps silent. */
export async function scapyOnVeth(): Promise<AnsweringHost> {
  await using stack = new AsyncDisposableStack();
  const { near: linux, far } = stack.use(await LinuxPair.create());
  await far.ip("addr", "flush", "dev", "veth1");
  const answers = new URL("scapy_answers.py", import.meta.url).pathname;
  const program = [...far.prefix, "/usr/bin/python3", answers, "veth1", HOST_IP];
  stack.use(await startProgram(program));
  return { name: "Scapy, veth pair", linux, ...disposal(stack.move()) };
}

function disposal(stack: AsyncDisposableStack): AsyncDisposable {
  return { [Symbol.asyncDispose]: () => stack.disposeAsync() };
}

/** Starts a program, and waits until it has said that it's ready. It's ended when it's disposed of. */
async function startProgram(command: readonly string[]): Promise<AsyncDisposable> {
  const args = ["--pdeathsig", "KILL", ...command];
  const child = new Deno.Command("setpriv", { args, stdin: "null", stdout: "piped" }).spawn();
  const reader = child.stdout.getReader();
  const end = async (): Promise<void> => {
    try {
      child.kill("SIGKILL");
    } catch (error) {
      // It has ended already.
      if (!(error instanceof TypeError)) throw error;
    }
    await reader.cancel();
    await child.status;
  };
  const { value } = await reader.read();
  if (value !== undefined && new TextDecoder().decode(value).startsWith("ready")) {
    return { [Symbol.asyncDispose]: end };
  }
  await end();
  throw new Error(`${command.join(" ")}: ended before it was ready`);
}
