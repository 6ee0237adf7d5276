import { ETHERNET_HEADER_BYTES, VLAN_TAG_BYTES } from "../drivers/virtio/virtio_net_header.ts";
import { netbufPoolBytes, netbufStride } from "../netdev/netbuf_pool.ts";
import type { DeviceConfig } from "./device.ts";
import { SPARE_NETBUFS } from "./run_netdev.ts";

/** What an entry of a ring takes, with a table of indirect descriptors, at most. */
const ENTRY_BYTES = 192;

/**
 * What rings of so many entries and the netbufs for them take, at most, for a virtio card that has no
 * memory before it's known how much it takes. The control queue comes on top of it.
 */
export function cardMemoryBytes(
  { queues, ringSize, mtu }: Pick<DeviceConfig, "queues" | "ringSize" | "mtu">,
): number {
  const entries = 2 * queues * ringSize;
  const stride = netbufStride(ETHERNET_HEADER_BYTES + VLAN_TAG_BYTES + mtu);
  return netbufPoolBytes({ count: entries + SPARE_NETBUFS, stride }) + entries * ENTRY_BYTES;
}
