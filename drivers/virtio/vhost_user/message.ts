import { VirtioError } from "../virtio_error.ts";

/*
 * Messages between a vhost-user front-end, which has the driver, and a back-end, which is the device:
 * QEMU's docs/interop/vhost-user.rst, "Message Specification". Bytes are in the order of the machine,
 * which is little-endian here. Set-up only: packets never pass through here.
 */

/** Requests of a front-end ("Front-end message types"). */
export const VHOST_USER_GET_FEATURES = 1;
export const VHOST_USER_SET_FEATURES = 2;
export const VHOST_USER_SET_OWNER = 3;
export const VHOST_USER_SET_MEM_TABLE = 5;
export const VHOST_USER_SET_VRING_NUM = 8;
export const VHOST_USER_SET_VRING_ADDR = 9;
export const VHOST_USER_SET_VRING_BASE = 10;
export const VHOST_USER_GET_VRING_BASE = 11;
export const VHOST_USER_SET_VRING_KICK = 12;
export const VHOST_USER_SET_VRING_CALL = 13;
export const VHOST_USER_SET_VRING_ERR = 14;
export const VHOST_USER_GET_PROTOCOL_FEATURES = 15;
export const VHOST_USER_SET_PROTOCOL_FEATURES = 16;
export const VHOST_USER_GET_QUEUE_NUM = 17;
export const VHOST_USER_SET_VRING_ENABLE = 18;
export const VHOST_USER_SET_STATUS = 39;
export const VHOST_USER_GET_STATUS = 40;

const REQUEST_NAMES: ReadonlyMap<number, string> = new Map([
  [VHOST_USER_GET_FEATURES, "GET_FEATURES"],
  [VHOST_USER_SET_FEATURES, "SET_FEATURES"],
  [VHOST_USER_SET_OWNER, "SET_OWNER"],
  [VHOST_USER_SET_MEM_TABLE, "SET_MEM_TABLE"],
  [VHOST_USER_SET_VRING_NUM, "SET_VRING_NUM"],
  [VHOST_USER_SET_VRING_ADDR, "SET_VRING_ADDR"],
  [VHOST_USER_SET_VRING_BASE, "SET_VRING_BASE"],
  [VHOST_USER_GET_VRING_BASE, "GET_VRING_BASE"],
  [VHOST_USER_SET_VRING_KICK, "SET_VRING_KICK"],
  [VHOST_USER_SET_VRING_CALL, "SET_VRING_CALL"],
  [VHOST_USER_SET_VRING_ERR, "SET_VRING_ERR"],
  [VHOST_USER_GET_PROTOCOL_FEATURES, "GET_PROTOCOL_FEATURES"],
  [VHOST_USER_SET_PROTOCOL_FEATURES, "SET_PROTOCOL_FEATURES"],
  [VHOST_USER_GET_QUEUE_NUM, "GET_QUEUE_NUM"],
  [VHOST_USER_SET_VRING_ENABLE, "SET_VRING_ENABLE"],
  [VHOST_USER_SET_STATUS, "SET_STATUS"],
  [VHOST_USER_GET_STATUS, "GET_STATUS"],
]);

/** Flags of a header ("Header"): bits 0 and 1 are the version, which is 1. */
export const VHOST_USER_VERSION = 0x1;
export const VHOST_USER_VERSION_MASK = 0x3;
export const VHOST_USER_REPLY_MASK = 0x4;
export const VHOST_USER_NEED_REPLY_MASK = 0x8;

/** The bit among virtio's features that says that there are protocol features, too. */
export const VHOST_USER_F_PROTOCOL_FEATURES = 30;

/** Bits of the protocol features ("Protocol features"). */
export const VHOST_USER_PROTOCOL_F_MQ = 0;
export const VHOST_USER_PROTOCOL_F_REPLY_ACK = 3;
export const VHOST_USER_PROTOCOL_F_STATUS = 16;

const PROTOCOL_FEATURE_NAMES: readonly string[] = [
  "MQ",
  "LOG_SHMFD",
  "RARP",
  "REPLY_ACK",
  "MTU",
  "BACKEND_REQ",
  "CROSS_ENDIAN",
  "CRYPTO_SESSION",
  "PAGEFAULT",
  "CONFIG",
  "BACKEND_SEND_FD",
  "HOST_NOTIFIER",
  "INFLIGHT_SHMFD",
  "RESET_DEVICE",
  "INBAND_NOTIFICATIONS",
  "CONFIGURE_MEM_SLOTS",
  "STATUS",
  "XEN_MMAP",
  "SHARED_OBJECT",
  "DEVICE_STATE",
];

/** In the u64 of SET_VRING_KICK, SET_VRING_CALL and SET_VRING_ERR: which vring, and that no descriptor comes along. */
export const VHOST_USER_VRING_IDX_MASK = 0xff;
export const VHOST_USER_VRING_NOFD_MASK = 0x100;

/** Most regions of a memory table without CONFIGURE_MEM_SLOTS. */
export const VHOST_USER_MEMORY_MAX_NREGIONS = 8;

/** Bytes of a header, and of payloads. */
export const HEADER_BYTES = 12;
export const U64_BYTES = 8;
export const VRING_STATE_BYTES = 8;
export const VRING_ADDR_BYTES = 40;
const MEMORY_HEADER_BYTES = 8;
const MEMORY_REGION_BYTES = 32;
/** The largest payload of those above. */
export const PAYLOAD_MAX_BYTES = MEMORY_HEADER_BYTES +
  VHOST_USER_MEMORY_MAX_NREGIONS * MEMORY_REGION_BYTES;

/** What is in front of each message. */
export interface MessageHeader {
  readonly request: number;
  readonly flags: number;
  /** Bytes of payload behind it. */
  readonly size: number;
}

/** "A vring state description": `num` is a size, an index or 0 and 1, as the request says. */
export interface VringState {
  readonly index: number;
  readonly num: number;
}

/** "A vring address description": the three parts as user addresses, in virtio's words. */
export interface VringAddr {
  readonly index: number;
  readonly flags: number;
  readonly descriptorArea: number;
  readonly deviceArea: number;
  readonly driverArea: number;
}

/** "A memory region description": its descriptor travels beside the message. */
export interface MemoryRegion {
  readonly guestAddress: number;
  readonly size: number;
  readonly userAddress: number;
  readonly mmapOffset: number;
}

/** A request by the name that the specification gives it, without prefix; `request 99` for others. */
export function requestName(request: number): string {
  return REQUEST_NAMES.get(request) ?? `request ${request}`;
}

/** The protocol features of a set by name, in order of their bits; `bit 50` where none is known. */
export function protocolFeatureNames(set: bigint): string[] {
  const names: string[] = [];
  for (let bit = 0; set >> BigInt(bit) !== 0n; bit++) {
    if ((set >> BigInt(bit) & 1n) === 1n) names.push(PROTOCOL_FEATURE_NAMES[bit] ?? `bit ${bit}`);
  }
  return names;
}

/** A whole message. `flags`: beside the version, which is added. */
export function encodeMessage(
  request: number,
  flags: number,
  payload: Uint8Array = new Uint8Array(0),
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(HEADER_BYTES + payload.length);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, request, true);
  view.setUint32(4, flags | VHOST_USER_VERSION, true);
  view.setUint32(8, payload.length, true);
  bytes.set(payload, HEADER_BYTES);
  return bytes;
}

/** The header that `bytes` begins with. `VirtioError` for fewer bytes than one has. */
export function decodeHeader(bytes: Uint8Array): MessageHeader {
  if (bytes.length < HEADER_BYTES) {
    throw new VirtioError(`a header of ${bytes.length} bytes, not ${HEADER_BYTES}`);
  }
  const view = viewOf(bytes);
  return {
    request: view.getUint32(0, true),
    flags: view.getUint32(4, true),
    size: view.getUint32(8, true),
  };
}

export function encodeU64(value: bigint): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(U64_BYTES);
  viewOf(bytes).setBigUint64(0, value, true);
  return bytes;
}

/** `VirtioError` for a payload of another length, as all that decode one. */
export function decodeU64(payload: Uint8Array): bigint {
  return sized(payload, U64_BYTES).getBigUint64(0, true);
}

export function encodeVringState({ index, num }: VringState): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(VRING_STATE_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, index, true);
  view.setUint32(4, num, true);
  return bytes;
}

export function decodeVringState(payload: Uint8Array): VringState {
  const view = sized(payload, VRING_STATE_BYTES);
  return { index: view.getUint32(0, true), num: view.getUint32(4, true) };
}

/** The used ring comes before the available ring here; there's no log. */
export function encodeVringAddr(vring: VringAddr): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(VRING_ADDR_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, vring.index, true);
  view.setUint32(4, vring.flags, true);
  setAddress(view, 8, vring.descriptorArea);
  setAddress(view, 16, vring.deviceArea);
  setAddress(view, 24, vring.driverArea);
  return bytes;
}

export function decodeVringAddr(payload: Uint8Array): VringAddr {
  const view = sized(payload, VRING_ADDR_BYTES);
  return {
    index: view.getUint32(0, true),
    flags: view.getUint32(4, true),
    descriptorArea: getAddress(view, 8),
    deviceArea: getAddress(view, 16),
    driverArea: getAddress(view, 24),
  };
}

export function encodeMemoryTable(regions: readonly MemoryRegion[]): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(MEMORY_HEADER_BYTES + regions.length * MEMORY_REGION_BYTES);
  const view = viewOf(bytes);
  view.setUint32(0, regions.length, true);
  regions.forEach((region, i) => {
    const at = MEMORY_HEADER_BYTES + i * MEMORY_REGION_BYTES;
    setAddress(view, at, region.guestAddress);
    setAddress(view, at + 8, region.size);
    setAddress(view, at + 16, region.userAddress);
    setAddress(view, at + 24, region.mmapOffset);
  });
  return bytes;
}

/** `VirtioError` also for more regions than there may be. */
export function decodeMemoryTable(payload: Uint8Array): MemoryRegion[] {
  const count = payload.length < MEMORY_HEADER_BYTES ? 0 : viewOf(payload).getUint32(0, true);
  if (count > VHOST_USER_MEMORY_MAX_NREGIONS) {
    throw new VirtioError(
      `${count} memory regions: ${VHOST_USER_MEMORY_MAX_NREGIONS} are the most`,
    );
  }
  const view = sized(payload, MEMORY_HEADER_BYTES + count * MEMORY_REGION_BYTES);
  return Array.from({ length: count }, (_, i) => {
    const at = MEMORY_HEADER_BYTES + i * MEMORY_REGION_BYTES;
    return {
      guestAddress: getAddress(view, at),
      size: getAddress(view, at + 8),
      userAddress: getAddress(view, at + 16),
      mmapOffset: getAddress(view, at + 24),
    };
  });
}

function sized(payload: Uint8Array, length: number): DataView {
  if (payload.length !== length) {
    throw new VirtioError(`a payload of ${payload.length} bytes, not ${length}`);
  }
  return viewOf(payload);
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

/** Addresses and sizes stay below 2^53: user addresses of Linux are below 2^47. */
function setAddress(view: DataView, offset: number, value: number): void {
  view.setBigUint64(offset, BigInt(value), true);
}

function getAddress(view: DataView, offset: number): number {
  return Number(view.getBigUint64(offset, true));
}
