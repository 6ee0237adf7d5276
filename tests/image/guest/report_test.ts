import { assertEquals } from "@std/assert";
import { reportLines } from "../../../image/guest/report.ts";

/** Folders like /proc and /sys of a machine, gone when disposed. */
class FakeMachine implements Disposable {
  readonly path: string = Deno.makeTempDirSync({ dir: "/tmp", prefix: "ukdeno-report-" });

  constructor(files: Readonly<Record<string, string>>) {
    for (const [path, text] of Object.entries(files)) {
      const whole = `${this.path}/${path}`;
      Deno.mkdirSync(whole.slice(0, whole.lastIndexOf("/")), { recursive: true });
      Deno.writeTextFileSync(whole, text);
    }
  }

  [Symbol.dispose](): void {
    Deno.removeSync(this.path, { recursive: true });
  }
}

/** /proc/PID/stat: the fields that are looked at are flags, the ninth, and threads, the twentieth. */
function stat(pid: number, name: string, flags: number, threads: number): string {
  const between = "11 12 13 14 15 16 17 18 19";
  return `${pid} (${name}) S 0 1 1 0 -1 ${flags} 10 ${between} ${threads} 0 4 21\n`;
}

const FILES = {
  "proc/1/stat": stat(1, "deno", 0x400100, 7),
  "proc/2/stat": stat(2, "kthreadd", 0x208040, 1),
  "proc/10/stat": stat(10, "odd) S 1 (name", 0x400100, 2),
  "proc/version": "Linux",
  "proc/interrupts": `            CPU0       CPU1
   4:       1000          1   IO-APIC   4-edge      ttyS0
  25:          0          0   PCI-MSI 65536-edge      vfio-msix[0](0000:00:04.0)
  26:         40          2   PCI-MSI 65537-edge      vfio-msix[1](0000:00:04.0)
 NMI:          0          0   Non-maskable interrupts
`,
  "proc/meminfo": "MemTotal:         481296 kB\nMemFree:   1 kB\nMemAvailable:     329964 kB\n",
  "proc/self/status": "Name:\tdeno\nVmHWM:\t   70000 kB\nVmRSS:\t   59752 kB\n",
  "sys/class/net/lo/mtu": "65536\n",
  "sys/bus/pci/devices/0000:00:01.0/class": "0x060100\n",
  "sys/bus/pci/devices/0000:00:04.0/class": "0x020000\n",
  "sys/bus/pci/devices/0000:00:04.0/vendor": "0x1af4\n",
  "sys/bus/pci/devices/0000:00:04.0/device": "0x1041\n",
  "sys/bus/pci/devices/0000:00:04.0/uevent": "DRIVER=vfio-pci\nPCI_CLASS=20000\n",
  "sys/bus/pci/devices/0000:00:05.0/uevent": "PCI_CLASS=20000\n",
  "sys/bus/pci/devices/0000:00:05.0/class": "0x020000\n",
  "sys/bus/pci/devices/0000:00:05.0/vendor": "0x8086\n",
  "sys/bus/pci/devices/0000:00:05.0/device": "0x1209\n",
};

Deno.test("a report has user space, interfaces, cards, VFIO's interrupts and memory", () => {
  using machine = new FakeMachine(FILES);
  assertEquals(reportLines(machine.path), [
    "processes 2",
    "process 1 deno threads 7",
    "process 10 odd) S 1 (name threads 2",
    "interface lo",
    "nic 0000:00:04.0 1af4:1041 vfio-pci",
    "nic 0000:00:05.0 8086:1209 none",
    "interrupt 25 0 vfio-msix[0](0000:00:04.0)",
    "interrupt 26 42 vfio-msix[1](0000:00:04.0)",
    "memory_total_kb 481296",
    "memory_available_kb 329964",
    "resident_kb 59752",
  ]);
});
