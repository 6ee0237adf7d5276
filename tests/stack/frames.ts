/**
 * Frames for tests, built byte by byte and independently of the code under test. Whatever is not
 * given is as a well-behaved peer on a small network would have it.
 */

/** A host under test, and its peers, on 10.0.2.0/24. */
export const HOST_MAC = "02:75:0a:00:02:0f";
export const HOST_IP = "10.0.2.15";
export const PEER_MAC = "52:55:0a:00:02:02";
export const PEER_IP = "10.0.2.2";
export const BROADCAST_MAC = "ff:ff:ff:ff:ff:ff";

/** The MAC address of this text as bytes. */
export function mac(text: string): Uint8Array {
  return Uint8Array.from(text.split(":"), (byte) => parseInt(byte, 16));
}

/** The IPv4 address of this text as an int32. */
export function ip(text: string): number {
  return new DataView(ipBytes(text).buffer).getInt32(0);
}

function ipBytes(text: string): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(text.split("."), Number);
}

function big16(value: number): Uint8Array {
  return Uint8Array.of(value >>> 8, value);
}

/** These pieces as one array. */
export function concat(...pieces: ArrayLike<number>[]): Uint8Array {
  return Uint8Array.from(pieces.flatMap((piece) => Array.from(piece)));
}

/** The frame padded with zeros to the 60 bytes of the shortest one. */
export function padded(frame: Uint8Array): Uint8Array {
  return concat(frame, new Uint8Array(Math.max(0, 60 - frame.length)));
}

/** The Internet checksum of bytes, as a big-endian 16-bit number, in the simplest way. */
export function internetChecksum(bytes: Uint8Array): number {
  let sum = 0;
  bytes.forEach((byte, i) => sum += i % 2 === 0 ? byte * 256 : byte);
  while (sum > 0xffff) sum = sum % 0x10000 + Math.floor(sum / 0x10000);
  return 0xffff - sum;
}

/** An Ethernet frame, not padded. */
export interface EthernetFields {
  destination?: string;
  source?: string;
  type?: number;
}

export function ethernetFrame(fields: EthernetFields, payload: Uint8Array): Uint8Array {
  const { destination = HOST_MAC, source = PEER_MAC, type = 0x0800 } = fields;
  return concat(mac(destination), mac(source), big16(type), payload);
}

/** An ARP request of the peer for the host, unless told otherwise; not padded. */
export interface ArpFields extends EthernetFields {
  hardwareType?: number;
  protocolType?: number;
  hardwareLength?: number;
  protocolLength?: number;
  operation?: number;
  sha?: string;
  spa?: string;
  tha?: string;
  tpa?: string;
}

export function arpFrame(fields: ArpFields = {}): Uint8Array {
  const { destination = BROADCAST_MAC, source = PEER_MAC } = fields;
  const packet = concat(
    big16(fields.hardwareType ?? 1),
    big16(fields.protocolType ?? 0x0800),
    [fields.hardwareLength ?? 6, fields.protocolLength ?? 4],
    big16(fields.operation ?? 1),
    mac(fields.sha ?? source),
    ipBytes(fields.spa ?? PEER_IP),
    mac(fields.tha ?? "00:00:00:00:00:00"),
    ipBytes(fields.tpa ?? HOST_IP),
  );
  return ethernetFrame({ destination, source, type: fields.type ?? 0x0806 }, packet);
}

/** The ARP reply of the host to the peer, as it has to look on the wire. */
export function arpReplyFromHost(fields: ArpFields = {}): Uint8Array {
  const frame = arpFrame({
    operation: 2,
    destination: PEER_MAC,
    source: HOST_MAC,
    spa: HOST_IP,
    tha: PEER_MAC,
    tpa: PEER_IP,
    ...fields,
  });
  return padded(frame);
}

/** An IPv4 packet in a frame. Lengths and checksum are right unless given. */
export interface Ipv4Fields extends EthernetFields {
  version?: number;
  headerWords?: number;
  tos?: number;
  totalLength?: number;
  id?: number;
  /** Flags and fragment offset. */
  fragment?: number;
  ttl?: number;
  protocol?: number;
  checksum?: number;
  from?: string;
  to?: string;
  /** A multiple of 4 bytes. */
  options?: ArrayLike<number>;
}

export function ipv4Frame(fields: Ipv4Fields, payload: Uint8Array): Uint8Array {
  const options = fields.options ?? [];
  const headerWords = fields.headerWords ?? 5 + options.length / 4;
  const header = concat(
    [(fields.version ?? 4) << 4 | headerWords, fields.tos ?? 0],
    big16(fields.totalLength ?? 20 + options.length + payload.length),
    big16(fields.id ?? 0x1234),
    big16(fields.fragment ?? 0),
    [fields.ttl ?? 255, fields.protocol ?? 1, 0, 0],
    ipBytes(fields.from ?? PEER_IP),
    ipBytes(fields.to ?? HOST_IP),
    options,
  );
  header.set(big16(fields.checksum ?? internetChecksum(header)), 10);
  return ethernetFrame(fields, concat(header, payload));
}

/** An ICMP message. The checksum is right unless given. */
export interface IcmpFields {
  type?: number;
  code?: number;
  checksum?: number;
  identifier?: number;
  sequence?: number;
  payload?: ArrayLike<number>;
}

/** An echo request, unless told otherwise. */
export function icmpMessage(fields: IcmpFields = {}): Uint8Array {
  const message = concat(
    [fields.type ?? 8, fields.code ?? 0, 0, 0],
    big16(fields.identifier ?? 0x4321),
    big16(fields.sequence ?? 7),
    fields.payload ?? [],
  );
  message.set(big16(fields.checksum ?? internetChecksum(message)), 2);
  return message;
}

/** 56 bytes, what ping sends unless told otherwise. */
export const PING_PAYLOAD: Uint8Array = Uint8Array.from({ length: 56 }, (_, i) => 0x10 + i);

/** A frame with an echo request of the peer to the host, not padded. */
export function echoFrame(ipv4: Ipv4Fields = {}, icmp: IcmpFields = {}): Uint8Array {
  return ipv4Frame(ipv4, icmpMessage({ payload: PING_PAYLOAD, ...icmp }));
}

/** The echo reply of the host to the peer, as it has to look on the wire. */
export function echoReplyFromHost(ipv4: Ipv4Fields = {}, icmp: IcmpFields = {}): Uint8Array {
  const fields = {
    destination: PEER_MAC,
    source: HOST_MAC,
    id: 0,
    fragment: 0x4000,
    ttl: 64,
    from: HOST_IP,
    to: PEER_IP,
    ...ipv4,
  };
  return padded(echoFrame(fields, { type: 0, ...icmp }));
}
