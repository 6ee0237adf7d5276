import { cpioArchive } from "../../image/cpio.ts";
import { guestEntries } from "../../image/guest_files.ts";
import { download, provideKernel } from "../../image/kernel_package.ts";
import type { KernelModule } from "../../image/modules.ts";

const INIT = new URL("busybox_init.sh", import.meta.url).pathname;
const PACKAGE = "busybox-static";

/** Linux's own driver of the card, each module behind those that it needs. */
const MODULES: readonly KernelModule[] = [
  "drivers/virtio/virtio_ring.ko",
  "drivers/virtio/virtio.ko",
  "drivers/virtio/virtio_pci_modern_dev.ko",
  "drivers/virtio/virtio_pci_legacy_dev.ko",
  "drivers/virtio/virtio_pci.ko",
  "net/core/failover.ko",
  "drivers/net/net_failover.ko",
  "drivers/net/virtio_net.ko",
].map((source) => ({ source, path: `/modules/${source.slice(source.lastIndexOf("/") + 1)}` }));

/** A kernel, and the file system that it starts with. */
export interface BootFiles {
  readonly kernel: string;
  readonly initrd: string;
}

/**
 * Makes, in `folder`, what a user would pick for a guest that has one address: Debian's busybox over
 * the same kernel, which drives the card by itself. Nothing is installed. `ImageError` as the image.
 */
export async function busyboxImage(folder: string): Promise<BootFiles> {
  await Deno.mkdir(folder, { recursive: true });
  await provideKernel(folder, MODULES);
  const busybox = `${folder}/bin/busybox`;
  if (await isMissing(busybox)) await download(PACKAGE, folder);
  const entries = await guestEntries([
    { path: "/init", source: INIT, executable: true },
    { path: "/bin/busybox", source: busybox, executable: true },
    ...MODULES.map(({ path }) => ({ path, source: folder + path, executable: false })),
  ]);
  const initrd = `${folder}/initrd`;
  await Deno.writeFile(initrd, ReadableStream.from(cpioArchive(entries)));
  return { kernel: `${folder}/vmlinux`, initrd };
}

async function isMissing(path: string): Promise<boolean> {
  return await Deno.stat(path).then(() => false, () => true);
}
