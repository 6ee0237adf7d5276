/** What virtio has and this QEMU doesn't offer, and where it's tested instead. */
interface Elsewhere {
  readonly feature: string;
  /** The property that QEMU would have for it. */
  readonly property: string;
  readonly testedBy: string;
}

const ELSEWHERE: readonly Elsewhere[] = [];

/** A line for each of {@link ELSEWHERE}: that QEMU has no such property, or that it has by now. */
export async function notOffered(): Promise<string[]> {
  const properties = await qemu("-device", "virtio-net-pci,help");
  return ELSEWHERE.map(({ feature, property, testedBy }) =>
    new RegExp(`^ +${property}=`, "m").test(properties)
      ? `${feature} is offered by this QEMU, and not part of the matrix`
      : `${feature} is not offered by QEMU: tested by ${testedBy}`
  );
}

/** `QEMU emulator version 7.2.22 (Debian …)`. */
export async function qemuVersion(): Promise<string> {
  return (await qemu("--version")).split("\n")[0];
}

async function qemu(...args: string[]): Promise<string> {
  const command = ["--pdeathsig", "KILL", "qemu-system-x86_64", ...args];
  const { stdout } = await new Deno.Command("setpriv", { args: command, stdin: "null" }).output();
  return new TextDecoder().decode(stdout);
}
