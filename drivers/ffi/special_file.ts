/**
 * Files of /sys, /proc and /dev: Deno's own calls refuse these without `--allow-all`. All of them
 * throw {@link ErrnoError}.
 *
 * @module
 */

import { check, EINTR, errno, ErrnoError } from "./errno.ts";
import { cString, libc } from "./libc.ts";

const O_RDONLY = 0o0;
const O_WRONLY = 0o1;
const O_RDWR = 0o2;
const O_DIRECTORY = 0o200000;
const O_CLOEXEC = 0o2000000;

/** One read takes as much as the kernel has to say in most files of sysfs. */
const CHUNK_BYTES = 4096;

/** `struct linux_dirent64`: two 64-bit numbers, its length (16 bits), a type (8), a name and a zero. */
const DIRENT_LENGTH = 16;
const DIRENT_NAME = 19;

/** Opens a file for reading and writing, such as a device. The caller closes it. */
export function openSpecial(path: string): number {
  return check("open", libc.open(cString(path), O_RDWR | O_CLOEXEC, 0));
}

/** All of a file, as text. */
export function readSpecial(path: string): string {
  const fd = check("open", libc.open(cString(path), O_RDONLY | O_CLOEXEC, 0));
  try {
    const pieces: Uint8Array[] = [];
    for (;;) {
      const chunk = new Uint8Array(CHUNK_BYTES);
      const n = repeat("read", () => libc.read(fd, chunk, BigInt(CHUNK_BYTES)));
      if (n === 0) return new TextDecoder().decode(join(pieces));
      pieces.push(chunk.subarray(0, n));
    }
  } finally {
    libc.close(fd);
  }
}

/** Writes to a file that is there, in one call, as the attributes of sysfs want it. */
export function writeSpecial(path: string, text: string): void {
  const fd = check("open", libc.open(cString(path), O_WRONLY | O_CLOEXEC, 0));
  try {
    const bytes = new TextEncoder().encode(text);
    repeat("write", () => libc.write(fd, bytes, BigInt(bytes.length)));
  } finally {
    libc.close(fd);
  }
}

/** What a symbolic link says. */
export function readSpecialLink(path: string): string {
  const bytes = new Uint8Array(CHUNK_BYTES);
  const n = check("readlink", libc.readlink(cString(path), bytes, BigInt(bytes.length)));
  return new TextDecoder().decode(bytes.subarray(0, n));
}

/** The names in a folder, sorted. */
export function listSpecial(path: string): string[] {
  const flags = O_RDONLY | O_DIRECTORY | O_CLOEXEC;
  const fd = check("open", libc.open(cString(path), flags, 0));
  try {
    const names: string[] = [];
    const bytes = new Uint8Array(CHUNK_BYTES);
    for (;;) {
      const n = check("getdents64", libc.getdents64(fd, bytes, BigInt(bytes.length)));
      if (n === 0) return names.filter((name) => name !== "." && name !== "..").sort();
      names.push(...direntNames(bytes.subarray(0, n)));
    }
  } finally {
    libc.close(fd);
  }
}

function direntNames(bytes: Uint8Array): string[] {
  const names: string[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = bytes[at + DIRENT_LENGTH] | bytes[at + DIRENT_LENGTH + 1] << 8;
    const name = bytes.subarray(at + DIRENT_NAME, at + length);
    names.push(new TextDecoder().decode(name.subarray(0, name.indexOf(0))));
    at += length;
  }
  return names;
}

/** Repeats a call that a signal ended. */
function repeat(call: string, act: () => number): number {
  for (;;) {
    const result = act();
    if (result >= 0) return result;
    if (errno() !== EINTR) throw new ErrnoError(call, errno());
  }
}

function join(pieces: readonly Uint8Array[]): Uint8Array {
  const bytes = new Uint8Array(pieces.reduce((sum, { length }) => sum + length, 0));
  let at = 0;
  for (const piece of pieces) {
    bytes.set(piece, at);
    at += piece.length;
  }
  return bytes;
}
