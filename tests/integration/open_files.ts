import { check } from "../../drivers/ffi/errno.ts";
import { cString, libc } from "../../drivers/ffi/libc.ts";

const O_RDONLY = 0;
const F_GETFD = 1;
/** Descriptors are looked for below this number: far more than a test run opens. */
const MOST_DESCRIPTORS = 4096;

/** Descriptors that this process has open. */
export function openDescriptors(): number {
  let count = 0;
  for (let fd = 0; fd < MOST_DESCRIPTORS; fd++) {
    if (libc.fcntl(fd, F_GETFD, 0) >= 0) count++;
  }
  return count;
}

/** Mappings of this process of memory files whose name begins like this. */
export function memfdMappings(name: string): number {
  return readWhole("/proc/self/maps").split("\n").filter((line) => line.includes(`memfd:${name}`))
    .length;
}

/** A file of /proc, which Deno's own calls may not read, and whose length nobody knows before. */
function readWhole(path: string): string {
  const fd = check("open", libc.open(cString(path), O_RDONLY, 0));
  const buffer = new Uint8Array(1 << 16);
  const decoder = new TextDecoder();
  let text = "";
  try {
    for (;;) {
      const length = check("read", libc.read(fd, buffer, BigInt(buffer.length)));
      if (length === 0) return text;
      text += decoder.decode(buffer.subarray(0, length), { stream: true });
    }
  } finally {
    libc.close(fd);
  }
}
