import { runHostCommand } from "./host_command.ts";
import { ImageError } from "./image_error.ts";
import { type KernelModule, MODULES } from "./modules.ts";
import { extractVmlinux } from "./vmlinux.ts";

/** The package that always needs the newest kernel for virtual machines. */
const META_PACKAGE = "linux-image-cloud-amd64";

const REMEDY = "the image is made from a package of Debian 12; is apt set up, and can it reach it?";

/** A file that says which kernel is there, and with which modules; it's written when they all are. */
const MARK = "kernel";

/**
 * Sees to it that `folder` has `vmlinux` and these modules, of Debian's cloud kernel, and returns the name
 * of its package. What is there is kept: it's made once. Nothing is installed. `ImageError` without apt,
 * without network, or when the kernel is of another make.
 */
export async function provideKernel(
  folder: string,
  modules: readonly KernelModule[] = MODULES,
): Promise<string> {
  const [name, ...present] = (await readOrEmpty(`${folder}/${MARK}`)).split(/(?<=\n)/);
  return present.join("") === markOf(modules) ? name.trim() : await makeKernel(folder, modules);
}

function markOf(modules: readonly KernelModule[]): string {
  return modules.map(({ source }) => `${source}\n`).join("");
}

async function makeKernel(folder: string, modules: readonly KernelModule[]): Promise<string> {
  const unpacked = `${folder}/unpacked`;
  // One that was interrupted may have left its own.
  await removeIfThere(unpacked);
  await Deno.mkdir(unpacked);
  try {
    const name = await newestKernel();
    await download(name, unpacked);
    await takeOver(unpacked, name.slice("linux-image-".length), folder, modules);
    await Deno.writeTextFile(`${folder}/${MARK}`, `${name}\n${markOf(modules)}`);
    return name;
  } finally {
    await removeIfThere(unpacked);
  }
}

async function newestKernel(): Promise<string> {
  const text = await updatedIfNeeded(["apt-cache", "depends", META_PACKAGE]);
  const found = /Depends: (linux-image-\S+)/.exec(text);
  if (found === null) throw new ImageError(`apt does not say what ${META_PACKAGE} is: ${REMEDY}`);
  return found[1];
}

/** Unpacks a package of Debian's into `folder`. `ImageError` when it can't be had. */
export async function download(name: string, folder: string): Promise<void> {
  await updatedIfNeeded(["apt-get", "-qq", "download", name], folder);
  for await (const { name: file } of Deno.readDir(folder)) {
    if (!file.endsWith(".deb")) continue;
    await runHostCommand(["dpkg-deb", "--extract", file, "."], { cwd: folder, remedy: REMEDY });
    return;
  }
  throw new ImageError(`apt-get downloaded nothing: ${REMEDY}`);
}

/** The lists of packages may be missing, or so old that what they name is gone. */
async function updatedIfNeeded(command: readonly string[], cwd?: string): Promise<string> {
  const options = { remedy: REMEDY, ...(cwd === undefined ? {} : { cwd }) };
  try {
    return await runHostCommand(command, options);
  } catch (error) {
    if (!(error instanceof ImageError)) throw error;
    await runHostCommand(["apt-get", "-qq", "update"], {
      remedy: "run `sudo apt-get update`, and try again",
    });
    return await runHostCommand(command, options);
  }
}

async function takeOver(
  unpacked: string,
  version: string,
  folder: string,
  modules: readonly KernelModule[],
): Promise<void> {
  const bzImage = await Deno.readFile(`${unpacked}/boot/vmlinuz-${version}`);
  await Deno.writeFile(`${folder}/vmlinux`, extractVmlinux(bzImage));
  await Deno.mkdir(`${folder}/modules`, { recursive: true });
  for (const { source, path } of modules) {
    const from = `${unpacked}/lib/modules/${version}/kernel/${source}`;
    try {
      await Deno.copyFile(from, folder + path);
    } catch (cause) {
      if (!(cause instanceof Deno.errors.NotFound)) throw cause;
      throw new ImageError(`linux-image-${version} has no module ${source}`, { cause });
    }
  }
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await Deno.readTextFile(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return "";
    throw error;
  }
}

async function removeIfThere(path: string): Promise<void> {
  try {
    await Deno.remove(path, { recursive: true });
  } catch (error) {
    if (!(error instanceof Deno.errors.NotFound)) throw error;
  }
}
