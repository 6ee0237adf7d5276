import { letInherit } from "../drivers/ffi/inheritance.ts";
import { libc } from "../drivers/ffi/libc.ts";
import { QemuProcess } from "../drivers/pci/qemu/qemu_process.ts";
import { createLongModeRom } from "./long_mode_rom.ts";
import { machineArguments } from "./vm_command_line.ts";

/** Who runs the guest's instructions: the processor, or QEMU, which translates them. */
export type Accelerator = "kvm" | "tcg";

/** Which one it is, and why it isn't the quick one. */
export interface FoundAccelerator {
  readonly accelerator: Accelerator;
  /** Why KVM can't be used, or null. */
  readonly reason: string | null;
}

/** How long a KVM that works may take for some twenty instructions, in milliseconds. */
const TRIAL_MS = 2000;
/** What they write, and where: QEMU's isa-debug-exit makes an exit status of it. */
const ALIVE = 42;
const DEBUG_EXIT_PORT = 0xf4;
const DEBUG_EXIT_STATUS = 2 * ALIVE + 1;

/**
 * Finds out whether KVM runs a guest here, by having it run one: a /dev/kvm that can be opened may still
 * refuse the CPU that a guest is to have, or hang when that comes to 64-bit mode. Takes 2 s at most.
 */
export async function findAccelerator(): Promise<FoundAccelerator> {
  const reason = await whyNot("kvm");
  return { accelerator: reason === null ? "kvm" : "tcg", reason };
}

/**
 * Why a machine with this accelerator doesn't run the few instructions that {@link createLongModeRom}
 * has, or null when it does.
 */
export async function whyNot(
  accelerator: Accelerator,
  trialMs: number = TRIAL_MS,
): Promise<string | null> {
  const romFd = createLongModeRom(DEBUG_EXIT_PORT, ALIVE);
  let qemu: QemuProcess;
  try {
    letInherit(romFd);
    qemu = new QemuProcess([
      ...machineArguments(accelerator),
      ...["-m", "16M", "-bios", `/proc/self/fd/${romFd}`],
      ...["-device", `isa-debug-exit,iobase=${DEBUG_EXIT_PORT},iosize=1`],
    ]);
  } finally {
    libc.close(romFd);
  }
  let hangs = false;
  const timer = setTimeout(() => {
    hangs = true;
    void qemu.kill();
  }, trialMs);
  const [{ code }, end] = await Promise.all([qemu.status, qemu.ended]);
  clearTimeout(timer);
  if (code === DEBUG_EXIT_STATUS) return null;
  if (hangs) return `it ran no guest within ${trialMs / 1000} s`;
  return end.replace(/^QEMU refused to run: /, "");
}
