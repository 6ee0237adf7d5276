import { assert } from "@std/assert";
import { kernelCommandLine } from "../../image/kernel_command_line.ts";
import { processors } from "../../image/vm_command_line.ts";
import { uniqueHub } from "../integration/appliance.ts";
import { ConsoleProcess } from "./console_process.ts";

const ROOT = new URL("../../", import.meta.url).pathname;

/** What differs from one microvm to another. */
export interface MicrovmOptions {
  /** Whether virtio-mmio has version 1. */
  readonly legacy: boolean;
  /** More words for the kernel. */
  readonly parameters?: readonly string[];
}

/** Builds the image, unless it's there. */
export async function buildImage(): Promise<void> {
  const { tasks } = JSON.parse(await Deno.readTextFile(`${ROOT}deno.json`));
  const build = String(tasks.image).split(" && ").at(-1)?.split(" ").slice(1) ?? [];
  const args = ["--pdeathsig", "KILL", Deno.execPath(), ...build];
  const { code, stderr } = await new Deno.Command("setpriv", { args, cwd: ROOT }).output();
  assert(code === 0, new TextDecoder().decode(stderr));
}

/**
 * The image in QEMU's microvm, a machine without PCI and without an IOMMU, under TCG. Its network is a
 * socket, to which one peer may connect.
 */
export class Microvm extends ConsoleProcess {
  /** For `--device=` of that peer. */
  readonly network: string;

  /** Boots it, with these arguments of main.ts. */
  constructor({ legacy, parameters = [] }: MicrovmOptions, args: readonly string[]) {
    const name = uniqueHub();
    const line = kernelCommandLine(args, ["reboot=t", ...parameters]);
    super(
      [
        "qemu-system-x86_64",
        // With ACPI, Linux waits for ever for a timer, when a busy host keeps it from measuring its clock.
        ...["-machine", "microvm,accel=tcg,acpi=off,auto-kernel-cmdline=off"],
        ...["-global", `virtio-mmio.force-legacy=${legacy}`],
        ...["-cpu", "max", "-smp", processors("tcg", 1), "-m", "512M"],
        ...["-nodefaults", "-no-user-config", "-display", "none"],
        ...["-no-reboot", "-serial", "stdio"],
        ...["-kernel", `${ROOT}image/out/vmlinux`, "-initrd", `${ROOT}image/out/initrd`],
        ...["-append", line],
        ...["-netdev", `stream,id=net,server=on,addr.type=unix,addr.path=${name},addr.abstract=on`],
        ...["-device", "virtio-net-device,netdev=net"],
      ],
      ROOT,
      /\r?\n/,
    );
    this.network = `stream:@${name}`;
  }
}
