/** linux/sched.h: it's a thread of the kernel's. */
const PF_KTHREAD = 0x0020_0000;
/** proc(5): fields of /proc/PID/stat behind the name, counted from 3. */
const FLAGS = 9 - 3;
const NUM_THREADS = 20 - 3;

/** The first byte of a PCI class code: a network controller. */
const NETWORK_CLASS = "0x02";

/**
 * What the machine is at the moment, as lines of a name and its values. `root` is in front of /proc and
 * /sys, for those who have others.
 *
 * - `processes N`, then `process PID NAME threads N` for each in user space
 * - `interface NAME` for each network interface of the kernel's
 * - `nic BDF VENDOR:DEVICE DRIVER` for each network card, `none` when no driver has it
 * - `interrupt NUMBER COUNT NAME` for each of VFIO's
 * - `memory_total_kb`, `memory_available_kb`, and `resident_kb` of this process
 */
export function reportLines(root: string = ""): string[] {
  return [
    ...processLines(`${root}/proc`),
    ...names(`${root}/sys/class/net`).map((name) => `interface ${name}`),
    ...cardLines(`${root}/sys/bus/pci/devices`),
    ...interruptLines(read(`${root}/proc/interrupts`)),
    `memory_total_kb ${kilobytes(`${root}/proc/meminfo`, "MemTotal")}`,
    `memory_available_kb ${kilobytes(`${root}/proc/meminfo`, "MemAvailable")}`,
    `resident_kb ${kilobytes(`${root}/proc/self/status`, "VmRSS")}`,
  ];
}

function processLines(proc: string): string[] {
  const lines: string[] = [];
  for (const pid of names(proc).filter((name) => /^\d+$/.test(name))) {
    const stat = read(`${proc}/${pid}/stat`);
    // The name is in parentheses, and may have any character in it.
    const end = stat.lastIndexOf(")");
    const name = stat.slice(stat.indexOf("(") + 1, end);
    const fields = stat.slice(end + 2).split(" ");
    if ((Number(fields[FLAGS]) & PF_KTHREAD) !== 0) continue;
    // It may have ended since it was listed.
    if (stat !== "") lines.push(`process ${pid} ${name} threads ${fields[NUM_THREADS]}`);
  }
  return [`processes ${lines.length}`, ...lines];
}

function cardLines(devices: string): string[] {
  return names(devices).filter((bdf) => read(`${devices}/${bdf}/class`).startsWith(NETWORK_CLASS))
    .map((bdf) => {
      const id = ["vendor", "device"].map((file) => read(`${devices}/${bdf}/${file}`).slice(2, 6));
      return `nic ${bdf} ${id.join(":")} ${driverOf(`${devices}/${bdf}`)}`;
    });
}

function driverOf(device: string): string {
  return /^DRIVER=(.+)$/m.exec(read(`${device}/uevent`))?.[1] ?? "none";
}

/** A line is `NUMBER: COUNT… CHIP HWIRQ-TRIGGER NAME`, with a count for each processor. */
function interruptLines(interrupts: string): string[] {
  return interrupts.split("\n").flatMap((line) => {
    const found = /^\s*(\d+):((?:\s+\d+)+)\s.*?(vfio-\S.*)$/.exec(line);
    if (found === null) return [];
    const count = found[2].trim().split(/\s+/).reduce((sum, text) => sum + Number(text), 0);
    return [`interrupt ${found[1]} ${count} ${found[3]}`];
  });
}

function kilobytes(file: string, name: string): number {
  return Number(new RegExp(`^${name}:\\s+(\\d+) kB$`, "m").exec(read(file))?.[1] ?? 0);
}

/** The shorter first, so that numbers are in order. */
function names(folder: string): string[] {
  return [...Deno.readDirSync(folder)].map(({ name }) => name)
    .toSorted((a, b) => a.length - b.length || (a < b ? -1 : 1));
}

/** Empty, when it went away meanwhile. */
function read(path: string): string {
  try {
    return Deno.readTextFileSync(path);
  } catch {
    return "";
  }
}
