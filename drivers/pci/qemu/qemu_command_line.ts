/** QEMU's name of the NIC: what `device_del` pulls. */
export const NIC_ID = "nic";

/**
 * QEMU's name of its place on the network, which stays when the NIC is pulled: what `device_add`
 * gives to the next one as `netdev`.
 */
export const NIC_PORT = "nic-port";

/** What hangs on a machine's network. */
export interface NetworkArguments {
  readonly nic: QemuNic;
  /** QEMU's own `-netdev` string, without an id. */
  readonly netdev: string;
  /** Descriptors of listening sockets on which QEMU's stream framing joins the same network. */
  readonly hubFds: readonly number[];
}

/** What every machine has: memory, sockets to control it by, and a network. */
export interface BoxArguments {
  /** Descriptor of the file that is guest memory, and its length. */
  readonly memoryFd: number;
  readonly memoryBytes: number;
  /** Descriptor of the firmware. */
  readonly romFd: number;
  /** Socket of the qtest protocol. */
  readonly qtestFd: number;
  /** Socket of QMP, by which the machine is set going. */
  readonly qmpFd: number;
  /** Listening socket of QMP for an operator, or null. */
  readonly monitorFd: number | null;
  /** QEMU's own `-netdev` string, without an id. */
  readonly netdev: string;
  /** Descriptors of listening sockets on which QEMU's stream framing joins the same network. */
  readonly hubFds: readonly number[];
}

/** A PC with a PCI bus, and its one NIC. */
export interface QemuMachine extends BoxArguments {
  /** Socket of the ivshmem server. */
  readonly ivshmemFd: number;
  /** Interrupt vectors that the ivshmem device has each way. */
  readonly ivshmemVectors: number;
  readonly nic: QemuNic;
}

/** A machine without a bus, and its one NIC. */
export interface MicrovmMachine extends BoxArguments {
  readonly nic: QemuNic;
  /** Whether its virtio devices have the registers of virtio-mmio's version 1. */
  readonly legacy: boolean;
}

/** The NIC that is given to the driver. */
export interface QemuNic {
  /** QEMU's name of the device. */
  readonly model: string;
  /** `52:54:00:…`. */
  readonly mac: string;
  /** MTU that the device tells its driver. */
  readonly mtu: number;
  /**
   * Pairs of queues, default 1. For more, virtio's card has them, on PCI with an interrupt vector for
   * each queue, one for its configuration and one for its control queue, and the netdev is given as
   * many queues.
   */
  readonly queues?: number;
  /** Further properties as QEMU takes them, `name=value` with commas between; default none. */
  readonly properties?: string;
}

/**
 * The command line for it. The descriptors must be inherited. Everything on the network hangs on
 * one hub, where each frame reaches all others: the NIC, the user's netdev, and the hub's sockets. A
 * hub's port has one queue, so a NIC with several is on the user's netdev itself, and there's no hub.
 *
 * The machine is a PC of the time before PCI Express: its bus 0 takes cards in and out by ACPI, and
 * its interrupt pins are routed by four registers. The bridge sits in the last slot, so that the
 * card has the first free one.
 *
 * The machine starts stopped, in which state QEMU passes no frame on (net/net.c,
 * `qemu_can_send_packet`): a socket of the hub that does not listen yet must not get any.
 */
export function qemuCommandLine(machine: QemuMachine): string[] {
  return [
    ["-machine", "pc,accel=tcg,memory-backend=ram,smbus=off,hpet=off,pit=off"],
    ...controlArguments(machine),
    ["-chardev", `socket,id=ivshmem,fd=${machine.ivshmemFd}`],
    ["-device", `ivshmem-doorbell,chardev=ivshmem,vectors=${machine.ivshmemVectors},addr=1f`],
    ...networkArguments(machine),
    // An option ROM would only be run by a CPU that is not halted, and Debian packs it separately.
    ["-device", `${deviceOptions(machine.nic)},netdev=${NIC_PORT},romfile=`],
  ].flat();
}

/**
 * The same for a machine without PCI: QEMU's microvm, which has eight places for virtio devices behind
 * virtio-mmio, and nothing else that would interrupt.
 */
export function microvmCommandLine(machine: MicrovmMachine): string[] {
  const { nic, legacy } = machine;
  const off = ["acpi", "pit", "pic", "rtc", "isa-serial", "auto-kernel-cmdline"];
  const without = off.map((name) => `${name}=off`).join(",");
  return [
    ["-machine", `microvm,accel=tcg,memory-backend=ram,${without}`],
    ["-global", `virtio-mmio.force-legacy=${legacy ? "on" : "off"}`],
    ...controlArguments(machine),
    ...networkArguments(machine),
    ["-device", `${deviceOptions(nic)},netdev=${NIC_PORT}`],
  ].flat();
}

/** Memory and firmware, and the sockets by which the machine is driven. */
function controlArguments(machine: BoxArguments): string[][] {
  const { memoryBytes } = machine;
  return [
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
  ];
}

/**
 * The network, in which {@link NIC_PORT} is the NIC's place. The machine has to be stopped until each of
 * the hub's sockets listens: see {@link qemuCommandLine}.
 */
export function networkArguments({ nic, netdev, hubFds }: NetworkArguments): string[][] {
  const { queues = 1 } = nic;
  if (queues > 1) return [["-netdev", `${netdev},queues=${queues},id=${NIC_PORT}`]];
  return [
    ["-netdev", `${netdev},id=net`],
    ["-netdev", "hubport,id=net-port,hubid=0,netdev=net"],
    ...hubFds.flatMap((fd, port) => [
      ["-netdev", `stream,id=hub${port},server=on,addr.type=fd,addr.str=${fd}`],
      ["-netdev", `hubport,id=hub${port}-port,hubid=0,netdev=hub${port}`],
    ]),
    ["-netdev", `hubport,id=${NIC_PORT},hubid=0`],
  ];
}

/** The value of `-device` for the NIC, as far as it's said without its place. */
export function deviceOptions(nic: QemuNic): string {
  const { model, mac, mtu, properties = "", queues = 1 } = nic;
  const options = [model, `id=${NIC_ID}`, `mac=${mac}`];
  // Who asks for the legacy interface gets it, and else there's none to be confused with.
  const asked = /(^|,)disable-(legacy|modern)=/.test(properties);
  if (model === "virtio-net-pci" && !asked) options.push("disable-legacy=on");
  if (model.startsWith("virtio-net-")) options.push(`host_mtu=${mtu}`);
  if (queues > 1) {
    options.push("mq=on");
    if (model === "virtio-net-pci") options.push(`vectors=${2 * queues + 2}`);
  }
  if (properties !== "") options.push(properties);
  return options.join(",");
}

/** QMP for an operator, on a socket that listens; nothing for null. */
export function monitorArguments(fd: number | null): string[][] {
  if (fd === null) return [];
  return [
    ["-chardev", `socket,id=monitor,fd=${fd},server=on,wait=off`],
    ["-mon", "chardev=monitor,mode=control"],
  ];
}

function inherited(fd: number): string {
  return `/proc/self/fd/${fd}`;
}
