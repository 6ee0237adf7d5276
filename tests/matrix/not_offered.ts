/** What virtio has and QEMU doesn't offer. */
interface Elsewhere {
  readonly feature: string;
  /** The property that a QEMU has that does offer it. */
  readonly property: string;
  /** The test that has it from the device model, for what is built. */
  readonly test: string;
}

const ELSEWHERE: readonly Elsewhere[] = [
  {
    feature: "IN_ORDER",
    property: "in_order",
    test: "tests/drivers/virtio/virtio_net_ring_test.ts",
  },
  {
    feature: "NOTF_COAL",
    property: "notf_coal",
    test: "tests/drivers/virtio/virtio_net_control_test.ts",
  },
];

const ROOT = new URL("../../", import.meta.url).pathname;

/** A line for each of these: that QEMU has no such property, and where it's tested instead. */
export async function notOffered(): Promise<string[]> {
  const properties = await qemu("-device", "virtio-net-pci,help");
  return ELSEWHERE.map(({ feature, property, test }) => {
    const isOffered = new RegExp(`^ +${property}=`, "m").test(properties);
    if (isOffered) return `${feature} is offered by this QEMU, and no part of the matrix yet`;
    const instead = isThere(test) ? `tested on the device model by ${test}` : "not built yet";
    return `${feature} is not offered by this QEMU: ${instead}`;
  });
}

/** `QEMU emulator version 7.2.22 (Debian …)`. */
export async function qemuVersion(): Promise<string> {
  return (await qemu("--version")).split("\n")[0];
}

function isThere(file: string): boolean {
  try {
    return Deno.statSync(`${ROOT}${file}`).isFile;
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return false;
    throw error;
  }
}

async function qemu(...args: string[]): Promise<string> {
  const command = ["--pdeathsig", "KILL", "qemu-system-x86_64", ...args];
  const { stdout } = await new Deno.Command("setpriv", { args: command, stdin: "null" }).output();
  return new TextDecoder().decode(stdout);
}
