/*
 * An archive as Linux unpacks it for its first file system: cpio's "newc" format
 * (Documentation/driver-api/early-userspace/buffer-format.rst). Each file is a header of hexadecimal
 * digits, its name, and its contents, each padded to four bytes.
 */

/** A folder or a file in an archive. */
export interface CpioEntry {
  /** Without a slash in front; folders before what is in them. */
  readonly path: string;
  /** What it holds, or null for a folder. */
  readonly data: Uint8Array<ArrayBuffer> | null;
  /** Whether it may be run. */
  readonly executable?: boolean;
}

const MAGIC = "070701";
const TRAILER = "TRAILER!!!";
/** A header: the magic number and 13 fields of 8 digits. */
const HEADER_LENGTH = 6 + 13 * 8;

/** sys/stat.h. */
const S_IFDIR = 0o040000;
const S_IFREG = 0o100000;

/** The kernel finds what it looks for by the inode, which is never 0. */
const FIRST_INODE = 1;

/**
 * The pieces of an archive, in order. They depend on nothing but the entries: no times, no owners but
 * root, and inodes in order. Contents are passed on as they are, without a copy.
 */
export function* cpioArchive(entries: Iterable<CpioEntry>): Generator<Uint8Array<ArrayBuffer>> {
  let inode = FIRST_INODE;
  for (const { path, data, executable } of entries) {
    const mode = data === null ? S_IFDIR | 0o755 : S_IFREG | (executable === true ? 0o755 : 0o644);
    const length = data?.length ?? 0;
    yield header(path, { inode: inode++, mode, links: data === null ? 2 : 1, length });
    if (data === null) continue;
    yield data;
    yield padding(length);
  }
  yield header(TRAILER, { inode: 0, mode: 0, links: 1, length: 0 });
}

function header(
  path: string,
  entry: { inode: number; mode: number; links: number; length: number },
): Uint8Array<ArrayBuffer> {
  const name = new TextEncoder().encode(`${path}\0`);
  const fields = [
    entry.inode,
    entry.mode,
    0, // c_uid
    0, // c_gid
    entry.links,
    0, // c_mtime
    entry.length,
    0, // c_maj
    0, // c_min
    0, // c_rmaj
    0, // c_rmin
    name.length,
    0, // c_chksum
  ];
  const digits = fields.map((field) => field.toString(16).toUpperCase().padStart(8, "0")).join("");
  const bytes = new Uint8Array(padded(HEADER_LENGTH + name.length));
  bytes.set(new TextEncoder().encode(MAGIC + digits));
  bytes.set(name, HEADER_LENGTH);
  return bytes;
}

function padding(length: number): Uint8Array<ArrayBuffer> {
  return new Uint8Array(padded(length) - length);
}

function padded(length: number): number {
  return (length + 3) & ~3;
}
