import { type DeviceUri, formatDeviceUri } from "./device_uri.ts";
import { type Flag, parseNumber } from "./flags.ts";
import { UsageError } from "./usage_error.ts";

/** Most queues each way that can be asked for. */
const MOST_QUEUES = 16;

/** Those of QEMU's NICs that can have several queues, and the network backend that can. */
const MULTIQUEUE_MODELS: readonly string[] = ["virtio-net-pci", "virtio-net-device"];
const MULTIQUEUE_NETDEV = "tap";

/** The flag for the number of queues. */
export const QUEUES_FLAG: Flag = {
  name: "queues",
  value: "N",
  help:
    `queues each way, 1 to ${MOST_QUEUES} (default 1); several need vhost-user, vfio or QEMU's --netdev=tap`,
};

/** Reads the number of queues each way, 1 unless given. `UsageError` when it can't be. */
export function parseQueues(text = "1"): number {
  return parseNumber("--queues", text, { min: 1, max: MOST_QUEUES });
}

/** `UsageError` for a device that can't have several queues. */
export function refuseQueues(
  number: number,
  device: DeviceUri,
  netdev: string,
  queues: number,
): void {
  if (device.kind === "vhost-user" || device.kind === "vfio") return;
  if (device.kind !== "qemu" || !MULTIQUEUE_MODELS.includes(device.model)) {
    throw new UsageError(
      `--queues=${queues}: net${number} (${formatDeviceUri(device)}) has one queue each way`,
    );
  }
  const backend = netdev.split(",")[0];
  if (backend === MULTIQUEUE_NETDEV) return;
  throw new UsageError(
    `--queues=${queues}: QEMU's ${backend} network has one queue; ` +
      `give --netdev=${MULTIQUEUE_NETDEV},ifname=NAME,script=no,downscript=no`,
  );
}

/** With several queues the card is on the user's network itself. */
export function refuseHub(lists: ReadonlyMap<string, readonly string[]>, queues: number): null {
  if (!lists.has("hub")) return null;
  throw new UsageError(`--hub: with --queues=${queues} there's no hub, as a hub has one queue`);
}
