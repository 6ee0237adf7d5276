import { assert, assertEquals } from "@std/assert";

const ROOT = new URL("../", import.meta.url).pathname;

/** The rooms of the house, the more particular before those that they are in. */
const ROOMS = [
  "netdev",
  "stack",
  "app/setup",
  "app",
  "drivers/e100",
  "drivers/ffi",
  "drivers/hub",
  "drivers/mmio",
  "drivers/pci/qemu",
  "drivers/pci/vfio",
  "drivers/pci",
  "drivers/plain",
  "drivers/stream",
  "drivers/tap",
  "drivers/virtio/vhost_user",
  "drivers/virtio",
  "image",
  "main.ts",
  "setup.ts",
];

/**
 * What may import what, transitively: `image → main → app → stack → netdev ← drivers`, `app → drivers`.
 */
const ALLOWED: Readonly<Record<string, readonly string[]>> = {
  "netdev": [],
  "stack": ["netdev"],
  "app": ["stack", "netdev", "drivers"],
  "drivers": ["netdev"],
  "image": ["main.ts", "app", "stack", "netdev", "drivers"],
  "main.ts": ["app"],
  "setup.ts": ["app"],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

/** Every import between two files of the project, tests and benches left out. */
async function projectImports(): Promise<Import[]> {
  const imports: Import[] = [];
  for (const file of await sourceFiles("")) {
    const text = await Deno.readTextFile(ROOT + file);
    for (const [, specifier] of text.matchAll(/(?:from|import)\s*\(?\s*"(\.[^"]+)"/g)) {
      const to = new URL(specifier, `file:///${file}`).pathname.slice(1);
      imports.push({ from: file, to });
    }
  }
  return imports;
}

async function sourceFiles(folder: string): Promise<string[]> {
  const files: string[] = [];
  for await (const { name, isDirectory } of Deno.readDir(ROOT + folder)) {
    const path = folder + name;
    if (["tests", "bench", "std", "node_modules"].includes(path) || name.startsWith(".")) continue;
    if (isDirectory) files.push(...await sourceFiles(`${path}/`));
    else if (name.endsWith(".ts")) files.push(path);
  }
  return files;
}

function roomOf(file: string): string {
  const room = ROOMS.find((room) => file === room || file.startsWith(`${room}/`));
  assert(room !== undefined, `${file} is in no room of the house`);
  return room;
}

function top(file: string): string {
  return file.split("/")[0];
}

Deno.test("imports run one way: main → app → stack → netdev ← drivers", async () => {
  const against = (await projectImports()).filter(({ from, to }) =>
    top(from) !== top(to) && !ALLOWED[top(from)].includes(top(to))
  );
  assertEquals(against, []);
});

Deno.test("the picture in the README is the import graph", async () => {
  const edges = new Set<string>();
  for (const { from, to } of await projectImports()) {
    if (roomOf(from) !== roomOf(to)) edges.add(`${roomOf(from)} --> ${roomOf(to)}`);
  }
  const readme = await Deno.readTextFile(`${ROOT}README.md`);
  const picture = /```mermaid\n(.*?)```/s.exec(readme)?.[1] ?? "";
  const labels = new Map<string, string>();
  for (const [, id, label] of picture.matchAll(/(\w+)\["([^"]+)"\]/g)) labels.set(id, label);
  const drawn = [...picture.matchAll(/(\w+)(?:\["[^"]+"\])? --> (\w+)/g)].map(([, from, to]) =>
    `${labels.get(from)} --> ${labels.get(to)}`
  );
  assertEquals(drawn.toSorted(), [...edges].toSorted());
});

Deno.test("only drivers/ffi opens a library", async () => {
  for (const file of await sourceFiles("")) {
    if (file.startsWith("drivers/ffi/")) continue;
    const text = await Deno.readTextFile(ROOT + file);
    assert(!text.includes("dlopen("), `${file} opens a library`);
  }
});
