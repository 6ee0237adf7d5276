import { ErrnoError } from "../../drivers/ffi/errno.ts";
import { connectAbstract, listenAbstract, type UnixSocket } from "../../drivers/ffi/unix_socket.ts";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { NetworkNamespace } from "../linux/network_namespace.ts";
import { packetSocket } from "../linux/packet_socket.ts";
import { Appliance, eventually, uniqueHub } from "./appliance.ts";
import { type FramePort, PacketPort, StreamPort } from "./frame_port.ts";
import { processLives } from "./proc.ts";

/** Where every appliance here is: the host of tests/stack/frames.ts. */
const IP = "--ip=10.0.2.15/24";

/** The name of the TAP interface in the namespace of a test. */
export const TAP = "tap0";

/** An appliance on one of the devices, ready, and a place on the same network. */
export interface Station extends AsyncDisposable {
  readonly appliance: Appliance;
  readonly port: FramePort;
  /** Where Linux is on the same network by the interface {@link TAP}, if it is. */
  readonly namespace: NetworkNamespace | null;
  /** Takes the device away, as by an accident. */
  breakDevice(): Promise<void>;
  /** What the appliance says to that. */
  readonly complaint: RegExp;
  /** What is left of the device: nothing, once the appliance has ended. */
  leftovers(): Promise<string[]>;
}

/** A device that an appliance can be on. */
export interface TestDevice {
  readonly name: string;
  /** What the device is called when it says what it is. */
  readonly driver: string;
  /** Whether it needs a TAP interface, and so root. */
  readonly needsTap: boolean;
  /** Whether it carries frames that are longer than Ethernet's. */
  readonly jumbo: boolean;
  /** Whether all of Linux's tools are let loose on it: one device of a kind will do. */
  readonly linuxTools: boolean;
  /** Starts an appliance on it, with more arguments. */
  open(...args: string[]): Promise<Station>;
}

/** Every device that there is. */
export const DEVICES: readonly TestDevice[] = [
  {
    name: "qemu over its hub",
    driver: "virtio-net",
    needsTap: false,
    jumbo: true,
    linuxTools: false,
    open: openQemu,
  },
  virtioOverHub("virtio-pci legacy", "virtio-net-pci,disable-modern=on"),
  virtioOverHub("virtio-pci without MSI-X", "virtio-net-pci,vectors=0"),
  virtioOverHub("virtio-mmio 2", "virtio-net-device"),
  virtioOverHub("virtio-mmio 1", "virtio-net-device,legacy=on"),
  {
    name: "qemu on TAP",
    driver: "virtio-net",
    needsTap: true,
    jumbo: true,
    linuxTools: true,
    open: openQemuOnTap,
  },
  overHub("i82550"),
  overHub("i82557b"),
  overHub("i82559er"),
  { ...onTap("i82550"), linuxTools: true },
  onTap("i82557b"),
  onTap("i82559er"),
  { name: "tap", driver: "tap", needsTap: true, jumbo: true, linuxTools: true, open: openTap },
  {
    name: "stream",
    driver: "stream",
    needsTap: false,
    jumbo: true,
    linuxTools: false,
    open: openStream,
  },
];

/** A virtio card of QEMU's, reached in another way, on its user network and hub. */
function virtioOverHub(name: string, card: string): TestDevice {
  return {
    name: `${name} over its hub`,
    driver: "virtio-net",
    needsTap: false,
    jumbo: true,
    linuxTools: false,
    open: (...args) => openQemu(`--device=qemu:${card}`, ...args),
  };
}

/** An 8255x of QEMU's on its user network and hub. */
function overHub(model: string): TestDevice {
  return {
    name: `${model} over its hub`,
    driver: "e100",
    needsTap: false,
    jumbo: false,
    linuxTools: false,
    open: (...args) => openQemu(`--device=qemu:${model}`, ...args),
  };
}

/** An 8255x of QEMU's next to Linux. */
function onTap(model: string): TestDevice {
  return {
    name: `${model} on TAP`,
    driver: "e100",
    needsTap: true,
    jumbo: false,
    linuxTools: false,
    open: (...args) => openQemuOnTap(`--device=qemu:${model}`, ...args),
  };
}

async function openQemu(...args: string[]): Promise<Station> {
  const appliance = new Appliance([IP, ...args]);
  return await orDispose(appliance, null, async () => {
    await appliance.event("ready");
    const { socket, headerSent } = await connectHub(appliance.hub);
    const pid = await qemuOf(appliance);
    return station(appliance, new StreamPort(socket, headerSent), null, {
      breakDevice: () => killProcess(pid),
      complaint: /^ukdeno: QEMU was killed by SIGKILL\n$/,
      leftovers: () => Promise.resolve([...left("QEMU", processLives(pid)), ...hubLeft(appliance)]),
    });
  });
}

async function openQemuOnTap(...args: string[]): Promise<Station> {
  const namespace = new NetworkNamespace();
  const netdev = `--netdev=tap,ifname=${TAP},script=no,downscript=no,vhost=off`;
  const appliance = new Appliance([IP, netdev, ...args], { within: namespace.prefix });
  return await orDispose(appliance, namespace, async () => {
    await appliance.event("ready");
    const pid = await qemuOf(appliance);
    await namespace.ip("link", "set", TAP, "up");
    const socket = namespace.run(() => packetSocket(TAP));
    return station(appliance, new PacketPort(socket), namespace, {
      breakDevice: () => killProcess(pid),
      complaint: /^ukdeno: QEMU was killed by SIGKILL\n$/,
      leftovers: async () => [
        ...left("QEMU", processLives(pid)),
        ...left(TAP, await hasTap(namespace)),
      ],
    });
  });
}

async function openTap(...args: string[]): Promise<Station> {
  const namespace = new NetworkNamespace();
  const appliance = new Appliance([`--device=tap:${TAP}`, IP, ...args], {
    within: namespace.prefix,
  });
  return await orDispose(appliance, namespace, async () => {
    await appliance.event("ready");
    const socket = namespace.run(() => packetSocket(TAP));
    return station(appliance, new PacketPort(socket), namespace, {
      breakDevice: async () => void await namespace.ip("link", "del", TAP),
      complaint: /^ukdeno: interface tap0 was deleted\n$/,
      leftovers: async () => left(TAP, await hasTap(namespace)),
    });
  });
}

async function openStream(...args: string[]): Promise<Station> {
  const name = uniqueHub();
  using listener = listenAbstract(name, 0);
  const appliance = new Appliance([`--device=stream:@${name}`, IP, ...args]);
  return await orDispose(appliance, null, async () => {
    await appliance.event("ready");
    const socket = listener.accept();
    if (socket === null) throw new Error("the appliance is ready and has not connected");
    const port = new StreamPort(socket);
    return station(appliance, port, null, {
      breakDevice: () => Promise.resolve(port[Symbol.dispose]()),
      // Broken, when it closes with frames of ours that it hasn't read.
      complaint:
        /^ukdeno: socket @.*: the (peer closed the connection|connection to the peer broke)\n$/,
      leftovers: () => Promise.resolve(left("connection", !ended(port))),
    });
  });
}

type Rest = Pick<Station, "breakDevice" | "complaint" | "leftovers">;

function station(
  appliance: Appliance,
  port: FramePort,
  namespace: NetworkNamespace | null,
  rest: Rest,
): Station {
  return {
    appliance,
    port,
    namespace,
    ...rest,
    async [Symbol.asyncDispose](): Promise<void> {
      port[Symbol.dispose]();
      await appliance[Symbol.asyncDispose]();
      namespace?.[Symbol.dispose]();
    },
  };
}

async function orDispose(
  appliance: Appliance,
  namespace: NetworkNamespace | null,
  open: () => Promise<Station>,
): Promise<Station> {
  try {
    return await open();
  } catch (error) {
    await appliance[Symbol.asyncDispose]();
    namespace?.[Symbol.dispose]();
    throw error;
  }
}

async function qemuOf(appliance: Appliance): Promise<number> {
  return Number((await appliance.event("device")).pid);
}

async function killProcess(pid: number): Promise<void> {
  await new Deno.Command("setpriv", { args: ["kill", "-KILL", `${pid}`] }).output();
  await eventually("it is killed", () => !processLives(pid));
}

async function hasTap(namespace: NetworkNamespace): Promise<boolean> {
  return (await namespace.exec("ip", "link", "show", TAP)).code === 0;
}

function hubLeft(appliance: Appliance): string[] {
  return left("hub", listens(`${appliance.hub}.0`));
}

function listens(name: string): boolean {
  let socket: UnixSocket | null = null;
  try {
    socket = connectAbstract(name);
    return true;
  } catch (error) {
    if (error instanceof ErrnoError) return false;
    throw error;
  } finally {
    socket?.[Symbol.dispose]();
  }
}

/** Whether the other side of a stream has closed it; what it sent before is passed over. */
function ended(port: StreamPort): boolean {
  while (port.next(1000) !== null);
  return port.closed;
}

function left(what: string, isThere: boolean): string[] {
  return isThere ? [what] : [];
}
