/** Offsets in an ARP packet over Ethernet (RFC 826). */
const ETHERTYPE = 12;
const ARP = 14;
const OPERATION = ARP + 6;
const SENDER_MAC = ARP + 8;
const SENDER_IP = ARP + 14;
const TARGET_MAC = ARP + 18;
const TARGET_IP = ARP + 24;
const ARP_BYTES = 42;
const FRAME_BYTES = 60;
const REQUEST = 1;
const REPLY = 2;

/** Who has the address? All addresses are int32. */
export function arpRequest(mac: Uint8Array, ip: number, target: number): Uint8Array<ArrayBuffer> {
  const broadcast = new Uint8Array(6).fill(0xff);
  return arpFrame(REQUEST, broadcast, mac, ip, new Uint8Array(6), target);
}

/** The answer to an ARP request for `ip`; null when the frame is none. */
export function arpAnswer(
  frame: Uint8Array,
  mac: Uint8Array,
  ip: number,
): Uint8Array<ArrayBuffer> | null {
  if (!isArp(frame, REQUEST) || int32At(frame, TARGET_IP) !== ip) return null;
  const sender = frame.slice(SENDER_MAC, SENDER_MAC + 6);
  return arpFrame(REPLY, sender, mac, ip, sender, int32At(frame, SENDER_IP));
}

/** The MAC address that an ARP reply tells of `ip`; null when the frame is none. */
export function macOfReply(frame: Uint8Array, ip: number): Uint8Array | null {
  if (!isArp(frame, REPLY) || int32At(frame, SENDER_IP) !== ip) return null;
  return frame.slice(SENDER_MAC, SENDER_MAC + 6);
}

function isArp(frame: Uint8Array, operation: number): boolean {
  return frame.length >= ARP_BYTES && frame[ETHERTYPE] === 0x08 && frame[ETHERTYPE + 1] === 0x06 &&
    frame[OPERATION] === 0 && frame[OPERATION + 1] === operation;
}

function int32At(frame: Uint8Array, offset: number): number {
  return new DataView(frame.buffer, frame.byteOffset).getInt32(offset);
}

function arpFrame(
  operation: number,
  to: Uint8Array,
  mac: Uint8Array,
  ip: number,
  targetMac: Uint8Array,
  target: number,
): Uint8Array<ArrayBuffer> {
  const frame = new Uint8Array(FRAME_BYTES);
  const view = new DataView(frame.buffer);
  frame.set(to, 0);
  frame.set(mac, 6);
  view.setUint16(ETHERTYPE, 0x0806);
  view.setUint16(ARP, 1);
  view.setUint16(ARP + 2, 0x0800);
  view.setUint8(ARP + 4, 6);
  view.setUint8(ARP + 5, 4);
  view.setUint16(OPERATION, operation);
  frame.set(mac, SENDER_MAC);
  view.setInt32(SENDER_IP, ip);
  frame.set(targetMac, TARGET_MAC);
  view.setInt32(TARGET_IP, target);
  return frame;
}
