import { connectAbstract } from "../../drivers/ffi/unix_socket.ts";
import { QmpClient } from "../../drivers/pci/qemu/qmp_client.ts";
import { featureNames } from "../../drivers/virtio/features.ts";

/** What a virtio device of QEMU's says of itself (QMP: x-query-virtio-status). */
export interface QemuVirtioStatus {
  /** Names of the features that its driver has accepted, without prefix, sorted. */
  readonly negotiated: readonly string[];
  /** Names of the bits of its status register, without prefix. */
  readonly status: readonly string[];
  /** Descriptors of its first queues. */
  readonly rings: readonly number[];
}

/** Feature bits as QEMU tells them: lines of a name and a meaning, and bits that it has no name for. */
interface QmpFeatures {
  readonly "transports": readonly string[];
  readonly "dev-features": readonly string[];
  readonly "unknown-dev-features"?: number;
}

interface QmpStatus {
  readonly "guest-features": QmpFeatures;
  readonly "status": { readonly statuses: readonly string[] };
}

/**
 * Asks the QEMU whose monitor is this abstract UNIX socket for its one virtio network device, and for
 * so many of its queues. `within` connects in the network namespace where the name is.
 */
export function qemuVirtioStatus(
  monitor: string,
  queues: number,
  within: <T>(connect: () => T) => T,
): QemuVirtioStatus {
  using socket = within(() => connectAbstract(monitor));
  const qmp = new QmpClient(socket);
  qmp.execute("qmp_capabilities");
  // Of another form these are another QEMU's, and the test fails at what isn't there.
  const devices = qmp.execute("x-query-virtio") as readonly { name: string; path: string }[];
  const nics = devices.filter(({ name }) => name === "virtio-net");
  if (nics.length !== 1) throw new Error(`QEMU has ${nics.length} virtio network devices, not 1`);
  const { path } = nics[0];
  const answer = qmp.execute("x-query-virtio-status", { path }) as QmpStatus;
  const features = answer["guest-features"];
  const named = [...features.transports, ...features["dev-features"]].map(nameOf);
  const unnamed = featureNames(BigInt(features["unknown-dev-features"] ?? 0));
  const rings = Array.from({ length: queues }, (_, queue) => {
    const ring = qmp.execute("x-query-virtio-queue-status", { path, queue });
    return (ring as { "vring-num": number })["vring-num"];
  });
  return {
    negotiated: [...named, ...unnamed].toSorted(),
    status: answer.status.statuses.map(nameOf),
    rings,
  };
}

/** `EVENT_IDX` of `VIRTIO_RING_F_EVENT_IDX: Used & avail. event fields enabled`. */
function nameOf(line: string): string {
  return line.split(":")[0].replace(/^VIRTIO_(NET_F_|RING_F_|F_|CONFIG_S_)/, "");
}
