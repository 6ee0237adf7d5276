import { check } from "../../drivers/ffi/errno.ts";
import { cString, libc } from "../../drivers/ffi/libc.ts";

const O_RDONLY = 0;
const O_CLOEXEC = 0o2000000;
const O_WRONLY = 1;
const CLONE_NEWNET = 0x4000_0000;

/** What a command came to. */
export interface ToolResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * A network of its own, with nothing on it. It has no name: it lives as long as this object, and the
 * processes and sockets in it, so that nothing is left of a test however that ends. Needs root.
 */
export class NetworkNamespace implements Disposable {
  readonly #fd: number;

  constructor() {
    const home = openOwn();
    check("unshare", libc.unshare(CLONE_NEWNET));
    this.#fd = openOwn();
    switchOffIpv6();
    check("setns", libc.setns(home, CLONE_NEWNET));
    libc.close(home);
  }

  /** Runs `f`, which must not wait, with this thread in the namespace. What it opens stays there. */
  run<T>(f: () => T): T {
    const home = openOwn();
    check("setns", libc.setns(this.#fd, CLONE_NEWNET));
    try {
      return f();
    } finally {
      check("setns", libc.setns(home, CLONE_NEWNET));
      libc.close(home);
    }
  }

  /** What to put in front of a command to have it run in the namespace. */
  get prefix(): string[] {
    return ["nsenter", `--net=/proc/${Deno.pid}/fd/${this.#fd}`];
  }

  /** Runs a program in it to its end. */
  async exec(...command: string[]): Promise<ToolResult> {
    const args = ["--pdeathsig", "KILL", ...this.prefix, ...command];
    const output = await new Deno.Command("setpriv", { args, stdin: "null" }).output();
    const decoder = new TextDecoder();
    return {
      code: output.code,
      stdout: decoder.decode(output.stdout),
      stderr: decoder.decode(output.stderr),
    };
  }

  /** The same for a program that must succeed: what it printed. */
  async must(...command: string[]): Promise<string> {
    const { code, stdout, stderr } = await this.exec(...command);
    if (code !== 0) throw new Error(`${command.join(" ")}: status ${code}: ${stderr}${stdout}`);
    return stdout;
  }

  /** Sets something of its interfaces: the arguments of ip(8). */
  async ip(...args: string[]): Promise<string> {
    return await this.must("ip", ...args);
  }

  [Symbol.dispose](): void {
    libc.close(this.#fd);
  }
}

function openOwn(): number {
  const path = cString("/proc/thread-self/ns/net");
  return check("open", libc.open(path, O_RDONLY | O_CLOEXEC, 0));
}

/** Linux would talk IPv6 on every interface, unasked. A Linux without it has no such file. */
function switchOffIpv6(): void {
  const fd = libc.open(cString("/proc/sys/net/ipv6/conf/default/disable_ipv6"), O_WRONLY, 0);
  if (fd < 0) return;
  check("write", libc.write(fd, cString("1"), 1n));
  libc.close(fd);
}

/** Why there can be no TAP interface here, or null. */
export function tapIsMissing(): string | null {
  try {
    using _namespace = new NetworkNamespace();
  } catch {
    return "making a network namespace needs root";
  }
  const fd = libc.open(cString("/dev/net/tun"), O_RDONLY | O_CLOEXEC, 0);
  if (fd < 0) return "there is no /dev/net/tun";
  libc.close(fd);
  return null;
}

/**
 * Declares a test that needs a TAP interface. Where there can be none, it says loudly why it is
 * skipped.
 */
export function tapTest(name: string, test: (t: Deno.TestContext) => void | Promise<void>): void {
  if (TAP_IS_MISSING !== null) console.error(`SKIPPED: ${name}: ${TAP_IS_MISSING}`);
  Deno.test({ name, fn: test, ignore: TAP_IS_MISSING !== null });
}

export const TAP_IS_MISSING: string | null = tapIsMissing();
