import { assertEquals, assertGreater } from "@std/assert";

const NETDEV = new URL("../../netdev/", import.meta.url);

/** Words that would say of what device, bus or transport netdev/ was made, rather than of any. */
const TELLTALES = [
  "virtio",
  "virtqueue",
  "virtq",
  "vring",
  "vhost",
  "vfio",
  "e100",
  "eepro",
  "eepro100",
  "8255x",
  "i8255\\d\\w*",
  "8255\\d",
  "eeprom",
  "tap",
  "stream",
  "unix",
  "qemu",
  "qmp",
  "qtest",
  "pci",
  "bar",
  "msi",
  "intx",
  "mmio",
  "doorbell",
  "ivshmem",
  "file descriptor",
];

/** Each as a word in prose (`tap`, `TAPs`), and as a part of a name (`tapFd`, `isPci`, `PCI_BAR`). */
const PATTERN = new RegExp(
  TELLTALES.map((word) => {
    const capital = word[0].toUpperCase() + word.slice(1);
    const upper = word.replace(/(?<!\\)[a-z]/g, (letter) => letter.toUpperCase());
    return `(?<![A-Za-z])${word}s?(?![a-z])|${capital}s?(?![a-z])|(?<![A-Z])${upper}s?(?![A-Za-z])`;
  }).join("|"),
  "g",
);

/** The lines of a text that name a device, as `file:line: line`. */
function named(file: string, text: string): string[] {
  return text.split("\n").flatMap((line, i) =>
    line.match(PATTERN) === null ? [] : [`${file}:${i + 1}: ${line.trim()}`]
  );
}

async function netdevFiles(): Promise<[name: string, text: string][]> {
  const files: [string, string][] = [];
  for await (const { name } of Deno.readDir(NETDEV)) {
    files.push([name, await Deno.readTextFile(new URL(name, NETDEV))]);
  }
  return files;
}

Deno.test("netdev/ names no device and no transport, in code, comments or documents", async () => {
  const files = await netdevFiles();
  assertGreater(files.length, 10);
  assertEquals(files.flatMap(([name, text]) => named(name, text)), []);
});

Deno.test("netdev/ imports nothing but its own files and the clockwork of Node", async () => {
  const outside = (await netdevFiles()).filter(([name]) => name.endsWith(".ts")).flatMap((
    [name, text],
  ) =>
    [...text.matchAll(/(?:from|import)\s*\(?\s*"([^"]+)"/g)]
      .map(([, specifier]) => specifier)
      .filter((specifier) => !/^\.\/\w+\.ts$/.test(specifier) && specifier !== "node:timers")
      .map((specifier) => `${name}: ${specifier}`)
  );
  assertEquals(outside, []);
});

for (
  const telling of [
    "as virtio 1.2 has it",
    "the virtqueues",
    "class VirtioNet",
    "VIRTIO_F_VERSION_1",
    "a TAP device",
    "const tapFd = 3",
    "isPci(device)",
    "the 82557 and i82559er",
    "the 8255x",
    "a PCI BAR",
    "BARs",
    "`msi-x 1`",
    "MSI-X",
    "StreamNetdev",
    "a file descriptor",
  ]
) {
  Deno.test(`a device would be found in: ${telling}`, () => {
    assertEquals(named("a.ts", `first\n${telling}\n`), [`a.ts:2: ${telling}`]);
  });
}

for (
  const innocent of [
    "a barrier is barely enough",
    "tapped, bare, mainstream, Unixoid",
    "a descriptor of a ring",
    "const start = end + 8255",
  ]
) {
  Deno.test(`no device is found in: ${innocent}`, () => {
    assertEquals(named("a.ts", innocent), []);
  });
}
