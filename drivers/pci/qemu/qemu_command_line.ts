/** QEMU's name of the NIC: what `device_del` pulls. */
export const NIC_ID = "nic";

/**
 * QEMU's name of its place on the network, which stays when the NIC is pulled: what `device_add`
 * gives to the next one as `netdev`.
 */
export const NIC_PORT = "nic-port";

/** What QEMU is to be: the machine, and the network that its one NIC is on. */
export interface QemuMachine {
  /** Descriptor of the file that is guest memory, and its length. */
  readonly memoryFd: number;
  readonly memoryBytes: number;
  /** Descriptor of the firmware. */
  readonly romFd: number;
  /** Sockets of the qtest protocol and of the ivshmem server. */
  readonly qtestFd: number;
  readonly ivshmemFd: number;
  /** Socket of QMP, by which the machine is set going. */
  readonly qmpFd: number;
  /** Listening socket of QMP for an operator, or null. */
  readonly monitorFd: number | null;
  /** Interrupt vectors that the ivshmem device has each way. */
  readonly ivshmemVectors: number;
  readonly nic: QemuNic;
  /** QEMU's own `-netdev` string, without an id. */
  readonly netdev: string;
  /** Descriptors of listening sockets on which QEMU's stream framing joins the same network. */
  readonly hubFds: readonly number[];
}

/** The NIC that is given to the driver. */
export interface QemuNic {
  /** QEMU's name of the device. */
  readonly model: string;
  /** `52:54:00:…`. */
  readonly mac: string;
  /** MTU that the device tells its driver. */
  readonly mtu: number;
  /** Further properties as QEMU takes them, `name=value` with commas between; default none. */
  readonly properties?: string;
}

/**
 * The command line for it. The descriptors must be inherited. Everything on the network hangs on
 * one hub, where each frame reaches all others: the NIC, the user's netdev, and the hub's sockets.
 *
 * The machine is a PC of the time before PCI Express: its bus 0 takes cards in and out by ACPI, and
 * its interrupt pins are routed by four registers. The bridge sits in the last slot, so that the
 * card has the first free one.
 *
 * The machine starts stopped, in which state QEMU passes no frame on (net/net.c,
 * `qemu_can_send_packet`): a socket of the hub that does not listen yet must not get any.
 */
export function qemuCommandLine(machine: QemuMachine): string[] {
  const { memoryBytes, nic } = machine;
  return [
    ["-machine", "pc,accel=tcg,memory-backend=ram,smbus=off,hpet=off,pit=off"],
    ["-m", `${memoryBytes / 2 ** 20}M`],
    ["-nodefaults", "-no-user-config", "-display", "none"],
    [
      "-object",
      `memory-backend-file,id=ram,size=${memoryBytes},share=on,mem-path=${
        inherited(machine.memoryFd)
      }`,
    ],
    ["-bios", inherited(machine.romFd)],
    ["-chardev", `socket,id=qtest,fd=${machine.qtestFd}`],
    ["-qtest", "chardev:qtest", "-qtest-log", "/dev/null"],
    ["-chardev", `socket,id=qmp,fd=${machine.qmpFd}`],
    ["-mon", "chardev=qmp,mode=control", "-S"],
    ...monitorArguments(machine.monitorFd),
    ["-chardev", `socket,id=ivshmem,fd=${machine.ivshmemFd}`],
    ["-device", `ivshmem-doorbell,chardev=ivshmem,vectors=${machine.ivshmemVectors},addr=1f`],
    ["-netdev", `${machine.netdev},id=net`],
    ["-netdev", "hubport,id=net-port,hubid=0,netdev=net"],
    ...machine.hubFds.flatMap((fd, port) => [
      ["-netdev", `stream,id=hub${port},server=on,addr.type=fd,addr.str=${fd}`],
      ["-netdev", `hubport,id=hub${port}-port,hubid=0,netdev=hub${port}`],
    ]),
    ["-netdev", `hubport,id=${NIC_PORT},hubid=0`],
    // An option ROM would only be run by a CPU that is not halted, and Debian packs it separately.
    ["-device", `${deviceOptions(nic)},netdev=${NIC_PORT},romfile=`],
  ].flat();
}

function deviceOptions(nic: QemuNic): string {
  const options = [nic.model, `id=${NIC_ID}`, `mac=${nic.mac}`];
  if (nic.model === "virtio-net-pci") options.push("disable-legacy=on", `host_mtu=${nic.mtu}`);
  const { properties = "" } = nic;
  if (properties !== "") options.push(properties);
  return options.join(",");
}

function monitorArguments(fd: number | null): string[][] {
  if (fd === null) return [];
  return [
    ["-chardev", `socket,id=monitor,fd=${fd},server=on,wait=off`],
    ["-mon", "chardev=monitor,mode=control"],
  ];
}

function inherited(fd: number): string {
  return `/proc/self/fd/${fd}`;
}
