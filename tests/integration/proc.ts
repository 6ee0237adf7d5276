import { check } from "../../drivers/ffi/errno.ts";
import { cString, libc } from "../../drivers/ffi/libc.ts";

const O_RDONLY = 0;
const PAGE_BYTES = 4096;
/** Clock ticks a second (sysconf(3), _SC_CLK_TCK), 100 on every Linux of today. */
const TICKS = 100;

/** Whether there is a process of this number that has not ended (a zombie has). */
export function processLives(pid: number): boolean {
  const stat = readProc(`/proc/${pid}/stat`);
  return stat !== null && statFields(stat)[0] !== "Z";
}

/** Seconds of processor time that a process has used, by itself and for it by the kernel. */
export function cpuSeconds(pid: number): number {
  const fields = statFields(readProc(`/proc/${pid}/stat`) ?? "");
  // proc(5): utime and stime are fields 14 and 15, and the first one here is field 3.
  return (Number(fields[11]) + Number(fields[12])) / TICKS;
}

/** Bytes of memory that a process has resident. */
export function residentBytes(pid: number): number {
  return Number((readProc(`/proc/${pid}/statm`) ?? "").split(" ")[1]) * PAGE_BYTES;
}

/** The first processor that this process may run on: a machine's may all be another's but these. */
export function firstProcessor(): number {
  const status = readProc("/proc/self/status") ?? "";
  return Number(/^Cpus_allowed_list:\s*(\d+)/m.exec(status)?.[1] ?? 0);
}

/** The fields behind the command name, which is in parentheses and may hold anything. */
function statFields(stat: string): string[] {
  return stat.slice(stat.lastIndexOf(")") + 2).split(" ");
}

/** A file of /proc, which Deno's own calls may not read; null when there is none. */
function readProc(path: string): string | null {
  const fd = libc.open(cString(path), O_RDONLY, 0);
  if (fd < 0) return null;
  const buffer = new Uint8Array(4096);
  const length = check("read", libc.read(fd, buffer, BigInt(buffer.length)));
  libc.close(fd);
  return new TextDecoder().decode(buffer.subarray(0, length));
}
