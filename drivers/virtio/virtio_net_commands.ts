import type { ControlQueue } from "./control_queue.ts";

/*
 * The commands that a network card takes on its control queue (virtio 1.2 §5.1.6.5), one function
 * each. They wait for the answer and throw as `ControlQueue.command` does. Numbers are
 * little-endian. Which of them a card knows is a matter of features.
 */

/** Command classes (§5.1.6.5.1 to §5.1.6.5.6); 4 is about pairs of queues. */
const VIRTIO_NET_CTRL_RX = 0;
const VIRTIO_NET_CTRL_MAC = 1;
const VIRTIO_NET_CTRL_VLAN = 2;
const VIRTIO_NET_CTRL_ANNOUNCE = 3;
const VIRTIO_NET_CTRL_NOTF_COAL = 6;

const VIRTIO_NET_CTRL_MAC_TABLE_SET = 0;
const VIRTIO_NET_CTRL_MAC_ADDR_SET = 1;
const VIRTIO_NET_CTRL_VLAN_ADD = 0;
const VIRTIO_NET_CTRL_VLAN_DEL = 1;
const VIRTIO_NET_CTRL_ANNOUNCE_ACK = 0;
const VIRTIO_NET_CTRL_NOTF_COAL_TX_SET = 0;
const VIRTIO_NET_CTRL_NOTF_COAL_RX_SET = 1;
const VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET = 2;
const VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET = 3;

/**
 * Receive modes, by the number of their command (§5.1.6.5.1): the first two with
 * VIRTIO_NET_F_CTRL_RX, all with VIRTIO_NET_F_CTRL_RX_EXTRA.
 */
export const ReceiveMode = {
  /** All frames. */
  PROMISC: 0,
  /** All frames to groups. */
  ALLMULTI: 1,
  /** All frames to single stations. */
  ALLUNI: 2,
  /** No frames to groups. */
  NOMULTI: 3,
  /** No frames to single stations. */
  NOUNI: 4,
  /** No frames to all stations. */
  NOBCAST: 5,
} as const;

/** One of the values of {@link ReceiveMode}. */
export type ReceiveMode = typeof ReceiveMode[keyof typeof ReceiveMode];

/** When a queue is to interrupt for buffers that were used: with what comes first (§5.1.6.5.6). */
export interface Coalescing {
  /** After so many packets. */
  readonly maxPackets: number;
  /** After so many microseconds. */
  readonly maxMicroseconds: number;
}

/** Turns a receive mode on or off. */
export function setReceiveMode(queue: ControlQueue, mode: ReceiveMode, on: boolean): void {
  queue.command(VIRTIO_NET_CTRL_RX, mode, Uint8Array.of(on ? 1 : 0));
}

/** Gives the card its MAC address, of 6 bytes. With VIRTIO_NET_F_CTRL_MAC_ADDR. */
export function setMacAddress(queue: ControlQueue, mac: Uint8Array): void {
  queue.command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_ADDR_SET, mac);
}

/**
 * Gives the card the addresses of 6 bytes, besides its own, to which it receives frames
 * (§5.1.6.5.2). With VIRTIO_NET_F_CTRL_RX.
 */
export function setMacTable(
  queue: ControlQueue,
  unicast: readonly Uint8Array[],
  multicast: readonly Uint8Array[],
): void {
  const tables = [unicast, multicast].flatMap((macs) => [
    ...le32(macs.length),
    ...macs.flatMap((mac) => [...mac]),
  ]);
  queue.command(VIRTIO_NET_CTRL_MAC, VIRTIO_NET_CTRL_MAC_TABLE_SET, Uint8Array.from(tables));
}

/** Adds a VLAN (0 to 4095) to those of which tagged frames are received, or takes it away. */
export function setVlan(queue: ControlQueue, vlan: number, on: boolean): void {
  const command = on ? VIRTIO_NET_CTRL_VLAN_ADD : VIRTIO_NET_CTRL_VLAN_DEL;
  queue.command(VIRTIO_NET_CTRL_VLAN, command, Uint8Array.from(le16(vlan)));
}

/** Tells the card that its host announces itself, as was asked for (§5.1.6.5.4). */
export function acknowledgeAnnouncement(queue: ControlQueue): void {
  queue.command(VIRTIO_NET_CTRL_ANNOUNCE, VIRTIO_NET_CTRL_ANNOUNCE_ACK, new Uint8Array(0));
}

/** Sets when the receive or the transmit queues interrupt. With VIRTIO_NET_F_NOTF_COAL. */
export function setCoalescing(
  queue: ControlQueue,
  direction: "rx" | "tx",
  { maxPackets, maxMicroseconds }: Coalescing,
): void {
  const command = direction === "rx"
    ? VIRTIO_NET_CTRL_NOTF_COAL_RX_SET
    : VIRTIO_NET_CTRL_NOTF_COAL_TX_SET;
  // struct virtio_net_ctrl_coal (virtio 1.3 §5.1.6.5.6).
  const data = Uint8Array.from([...le32(maxPackets), ...le32(maxMicroseconds)]);
  queue.command(VIRTIO_NET_CTRL_NOTF_COAL, command, data);
}

/** Sets when virtqueue number `index` interrupts. With VIRTIO_NET_F_VQ_NOTF_COAL (virtio 1.3). */
export function setQueueCoalescing(
  queue: ControlQueue,
  index: number,
  { maxPackets, maxMicroseconds }: Coalescing,
): void {
  // struct virtio_net_ctrl_coal_vq: the queue, 2 bytes reserved, and the same again.
  const data = [...le16(index), 0, 0, ...le32(maxPackets), ...le32(maxMicroseconds)];
  queue.command(
    VIRTIO_NET_CTRL_NOTF_COAL,
    VIRTIO_NET_CTRL_NOTF_COAL_VQ_SET,
    Uint8Array.from(data),
  );
}

/** When virtqueue number `index` interrupts, as the card has it. With VIRTIO_NET_F_VQ_NOTF_COAL. */
export function readQueueCoalescing(queue: ControlQueue, index: number): Coalescing {
  const data = Uint8Array.from([...le16(index), 0, 0]);
  const result = queue.query(VIRTIO_NET_CTRL_NOTF_COAL, VIRTIO_NET_CTRL_NOTF_COAL_VQ_GET, data, 8);
  return { maxPackets: readLe32(result, 0), maxMicroseconds: readLe32(result, 4) };
}

function le16(value: number): number[] {
  return [value & 0xff, value >>> 8 & 0xff];
}

function le32(value: number): number[] {
  return [...le16(value), ...le16(value >>> 16)];
}

function readLe32(bytes: Uint8Array, offset: number): number {
  const [a, b, c, d] = bytes.subarray(offset, offset + 4);
  return (a | b << 8 | c << 16 | d << 24) >>> 0;
}
