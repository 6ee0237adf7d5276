import { CODE_CACHE, writeCodeCache } from "./code_cache.ts";
import { cpioArchive } from "./cpio.ts";
import { guestEntries, type GuestFile } from "./guest_files.ts";
import { runHostCommand } from "./host_command.ts";
import { ImageError } from "./image_error.ts";
import { provideKernel } from "./kernel_package.ts";
import { GUEST_DENO, GUEST_DENO_DIR, GUEST_SCRIPT } from "./kernel_command_line.ts";
import { MODULES } from "./modules.ts";
import { sharedLibraries } from "./shared_libraries.ts";

/** The Deno that the image is made for, and tested with. */
const DENO_VERSION = "2.9.6";

/** Files on which it depends what an archive of the same files looks like. */
const BUILDERS = ["./build_image.ts", "./cpio.ts", "./guest_files.ts"];

const GUEST_SOURCE = new URL("./guest/init.ts", import.meta.url).pathname;
const LOADER_SOURCE = new URL("./guest/load.js", import.meta.url).pathname;
/** What load.js runs. */
const GUEST_PROGRAM = "/app/program.js";
const GUEST_CODE_CACHE = `${GUEST_DENO_DIR}/${CODE_CACHE}`;

/** An image that is there. */
export interface Image {
  /** Path of the kernel. */
  readonly kernel: string;
  /** Path of the archive with everything else. */
  readonly initrd: string;
  /** The package that the kernel is from. */
  readonly kernelPackage: string;
  /** Whether it was built just now; false when nothing had changed. */
  readonly isNew: boolean;
}

/**
 * Builds the image in `folder`, which is made if it isn't there, unless it's there and nothing that it
 * is made of has changed. The same files give the same bytes. `ImageError` when it can't be built.
 */
export async function buildImage(folder: string): Promise<Image> {
  if (Deno.version.deno !== DENO_VERSION) {
    throw new ImageError(
      `the image is for Deno ${DENO_VERSION}, and this is ${Deno.version.deno}: ` +
        `run \`npx --yes deno@${DENO_VERSION} task image\``,
    );
  }
  await Deno.mkdir(folder, { recursive: true });
  const kernelPackage = await provideKernel(folder);
  const program = `${folder}/program.js`;
  await bundle(program);
  const codeCache = `${folder}/code-cache`;
  await writeCodeCache(program, `file://${GUEST_PROGRAM}`, { folder, output: codeCache });
  const files = await listFiles(folder, program, codeCache);
  const initrd = `${folder}/initrd`;
  const stamp = await describe(files);
  const isNew = stamp !== await readOrNull(`${folder}/stamp`) || await isMissing(initrd);
  if (isNew) {
    await writeArchive(initrd, files);
    await Deno.writeTextFile(`${folder}/stamp`, stamp);
  }
  return { kernel: `${folder}/vmlinux`, initrd, kernelPackage, isNew };
}

/** Everything that main.ts needs, in one file: nothing is left to be found when the guest starts. */
async function bundle(output: string): Promise<void> {
  const command = [Deno.execPath(), "bundle", "--quiet", "--minify", "--format=iife"];
  await runHostCommand([...command, "--output", output, GUEST_SOURCE], {
    remedy: "deno bundle fetches esbuild from the npm registry when it's run first",
  });
}

async function listFiles(
  folder: string,
  program: string,
  codeCache: string,
): Promise<GuestFile[]> {
  const deno = Deno.execPath();
  const libraries = await sharedLibraries(deno);
  return [
    { path: GUEST_DENO, source: deno, executable: true },
    { path: GUEST_SCRIPT, source: LOADER_SOURCE, executable: false },
    { path: GUEST_PROGRAM, source: program, executable: false },
    { path: GUEST_CODE_CACHE, source: codeCache, executable: false },
    ...libraries.map((path) => ({ path, source: path, executable: true })),
    ...MODULES.map(({ path }) => ({ path, source: folder + path, executable: false })),
  ];
}

/**
 * What the archive is made of and how, a line for each file: sizes and times, and digests of those that
 * are written anew each time, or are parts of the project.
 */
async function describe(files: readonly GuestFile[]): Promise<string> {
  const builders = BUILDERS.map(async (name) =>
    `${name} ${await digest(new URL(name, import.meta.url).pathname)}`
  );
  const lines = files.map(async ({ path, source }) => {
    if (path === GUEST_PROGRAM || path === GUEST_CODE_CACHE) {
      return `${path} ${await digest(source)}`;
    }
    const { size, mtime } = await Deno.stat(source);
    return `${path} ${source} ${size} ${mtime?.getTime()}`;
  });
  return `${(await Promise.all([...builders, ...lines])).join("\n")}\n`;
}

async function digest(path: string): Promise<string> {
  const hash = await crypto.subtle.digest("SHA-256", await Deno.readFile(path));
  return new Uint8Array(hash).toHex();
}

/** Writes it beside its place first: who boots meanwhile has the old one, or the new one. */
async function writeArchive(path: string, files: readonly GuestFile[]): Promise<void> {
  const unfinished = `${path}.new`;
  {
    using file = await Deno.open(unfinished, { write: true, create: true, truncate: true });
    for (const piece of cpioArchive(await guestEntries(files))) {
      for (let at = 0; at < piece.length;) at += await file.write(piece.subarray(at));
    }
  }
  await Deno.rename(unfinished, path);
}

async function isMissing(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => false, () => true);
}

async function readOrNull(path: string): Promise<string | null> {
  return await Deno.readTextFile(path).catch(() => null);
}
