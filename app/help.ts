import { type Flag, spell } from "./flags.ts";
import { INFO_FLAGS } from "./info_options.ts";
import { PING_FLAGS } from "./ping_options.ts";
import { SERVE_FLAGS } from "./serve_options.ts";

/** What `--help` prints. */
export function helpText(): string {
  return [
    "ukdeno: a host on a network that is one Deno process; it answers ARP and ping",
    "",
    "usage: main.ts [serve] [FLAG]… [netdev.ip=…]…  be that host, until Ctrl-C",
    "       main.ts ping [FLAG]… [ADDRESS]          ping a running appliance, or another host",
    "       main.ts info [FLAG]… [netdev.ip=…]      tell everything about a network device",
    "       main.ts --help",
    "",
    "serve:",
    ...describe(SERVE_FLAGS),
    "",
    "  --ip takes addresses A.B.C.D/N and ranges A.B.C.D-E.F.G.H[/N], in a list with commas, and is all",
    "  of them. Without /N a range is in the smallest subnet that has it between its ends. A single",
    "  device may have several --ip, which are one list.",
    "",
    "  With several --device there's a host on each, in one process. --ip, --gateway and --mac may be",
    "  given as often: the first is for the first device, and so on. The first --netdev, --hub and",
    "  --monitor are for the first QEMU, and so on.",
    "",
    "  A card with --queues above 1 is on --netdev=tap itself: there's no hub for ping to join then.",
    "",
    "  netdev.ip=CIDR[:GATEWAY[:DNS0[:DNS1[:HOSTNAME[:DOMAIN]]]]] is what Unikraft takes on a kernel's",
    "  command line, for the first device, the second, and so on; --ip and --gateway override it.",
    "",
    "ping:",
    ...describe(PING_FLAGS),
    "",
    "info:",
    ...describe(INFO_FLAGS),
    "",
    "devices:",
    "  qemu                       a QEMU process's network card, on QEMU's user network or --netdev's",
    "  qemu:virtio-net-pci,…      the same, with QEMU's properties of that card, such as mrg_rxbuf=off,",
    "                             or disable-modern=on for the legacy interface",
    "  qemu:virtio-net-device,…   QEMU's microvm: virtio-mmio version 2, or version 1 by legacy=on",
    "  qemu:i82550,…              an Intel 8255x in QEMU; i82557b and i82559er are possible too",
    "  vfio                       this machine's first network card that there's a driver for, by Linux's vfio",
    "  vfio:BUS:DEVICE.FUNCTION   the one there, as lspci shows it: vfio:00:04.0, or vfio:0000:00:04.0",
    "  tap:NAME                   the far end of Linux's TAP interface NAME, made if absent (as root)",
    "  stream:PATH[,server=on]    QEMU's stream framing on a UNIX socket: connect there, or listen",
    "  stream:@NAME[,server=on]   the same on an abstract UNIX socket",
    "  vhost-user:PATH[,server=on]",
    "                             a vhost-user back-end, such as DPDK's: connect to it, or listen for it;",
    "                             vhost-user:@NAME is an abstract UNIX socket; ,mrg_rxbuf=off,",
    "                             ,indirect_desc=off, ,event_idx=off and ,in_order=off do without these",
    "  mmio:ADDRESS               a virtio card of this machine that has no PCI, such as a microvm's: polled,",
    "                             as root; its registers' address is hexadecimal; mmio alone finds the first",
    "",
    "exit status: 0 stopped as asked, 1 failed or nothing answered, 2 bad arguments",
  ].join("\n");
}

function describe(flags: readonly Flag[]): string[] {
  const width = Math.max(...flags.map((flag) => spell(flag).length));
  return flags.map((flag) => `  ${spell(flag).padEnd(width)}  ${flag.help}`);
}
