import { NetdevError } from "../../netdev/netdev_error.ts";
import { ErrnoError } from "../ffi/errno.ts";
import { closeFd } from "../ffi/file_descriptor.ts";
import { createHugeMemfd } from "../ffi/mapped_region.ts";
import { Mapping } from "../ffi/mapping.ts";
import { physicalAddresses } from "../ffi/pagemap.ts";
import { PhysicalRegion } from "./physical_region.ts";
import { longestRun, type PhysicalRun, sortedPages } from "./physical_run.ts";

const PAGE = 4096;
const HUGE_PAGE = 2 * 2 ** 20;

/** Among so many times the pages that are needed there may be as many behind each other. */
const TRIES = [1, 2, 4];

/** Tells physical addresses of pages, as {@link physicalAddresses} does. */
export type Pagemap = typeof physicalAddresses;

/**
 * Takes `byteLength` bytes or more for a device whose addresses nobody translates, which are one piece in
 * the machine, too: of huge pages that the kernel has set aside, or else of locked memory, for which it
 * may make huge pages at once (kernel_settings.ts). `NetdevError`: EPERM when the kernel doesn't say where memory is, ENOSPC
 * when there's no such piece.
 */
export function allocatePhysicalMemory(
  byteLength: number,
  pagemap: Pagemap = physicalAddresses,
): PhysicalRegion {
  const pages = Math.ceil(byteLength / HUGE_PAGE);
  let most = 0;
  let reason = "";
  for (const take of [takeHugePages, takeLockedMemory]) {
    for (const times of TRIES) {
      const region = orReason(() => take(times * pages, pagemap));
      if (typeof region === "string") {
        reason = ` (${region})`;
        break;
      }
      if (region.byteLength >= byteLength) return region;
      most = Math.max(most, region.byteLength);
      region[Symbol.dispose]();
    }
  }
  throw new NetdevError(
    "ENOSPC",
    `the card needs ${kib(byteLength)} KiB of memory in one piece, and ${kib(most)} can be had` +
      `${reason}: boot the kernel with hugepages=${2 * pages}, or give a smaller --ring-size`,
  );
}

/**
 * Of so many huge pages those that lie behind each other, put into the order in which they do: they're a
 * file's, so each can be mapped anywhere.
 */
function takeHugePages(pages: number, pagemap: Pagemap): PhysicalRegion {
  const byteLength = pages * HUGE_PAGE;
  const fd = createHugeMemfd("ukdeno-dma", byteLength);
  try {
    const mapping = Mapping.ofFile(fd, 0n, byteLength);
    return orDispose(mapping, () => {
      // A page is in memory once it's touched.
      for (let page = 0; page < pages; page++) mapping.u8[page * HUGE_PAGE] = 0;
      const addresses = pagemap(mapping.address, pages, HUGE_PAGE);
      const sorted = sortedPages(addresses);
      const run = orHidden(longestRun(sorted.map((page) => addresses[page]), HUGE_PAGE));
      sorted.slice(run.start, run.start + run.count).forEach((page, place) => {
        mapping.replace(place * HUGE_PAGE, fd, BigInt(page * HUGE_PAGE), HUGE_PAGE);
      });
      return new PhysicalRegion(mapping, 0, run.count * HUGE_PAGE, run.address);
    });
  } finally {
    closeFd(fd);
  }
}

/** Of as much locked memory the longest piece, in pages of any size. */
function takeLockedMemory(pages: number, pagemap: Pagemap): PhysicalRegion {
  const mapping = Mapping.anonymous(pages * HUGE_PAGE);
  return orDispose(mapping, () => {
    mapping.lock();
    const addresses = pagemap(mapping.address, mapping.byteLength / PAGE, PAGE);
    const { start, count, address } = orHidden(longestRun(addresses, PAGE));
    return new PhysicalRegion(mapping, start * PAGE, count * PAGE, address);
  });
}

function orHidden(run: PhysicalRun | null): PhysicalRun {
  if (run !== null) return run;
  throw new NetdevError(
    "EPERM",
    "the kernel doesn't say where memory lies (/proc/self/pagemap): run as root (CAP_SYS_ADMIN)",
  );
}

/** What was taken, or why the kernel has no such memory. */
function orReason(take: () => PhysicalRegion): PhysicalRegion | string {
  try {
    return take();
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
    return error.message;
  }
}

/** Gives the memory back when `make` throws. */
function orDispose(mapping: Mapping, make: () => PhysicalRegion): PhysicalRegion {
  try {
    return make();
  } catch (error) {
    mapping[Symbol.dispose]();
    throw error;
  }
}

function kib(bytes: number): number {
  return Math.ceil(bytes / 1024);
}
