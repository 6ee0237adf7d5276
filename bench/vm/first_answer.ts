import { ErrnoError } from "../../drivers/ffi/errno.ts";
import { PacketPort } from "../../tests/integration/frame_port.ts";
import { packetSocket } from "../../tests/linux/packet_socket.ts";
import { echoFrame, HOST_MAC, mac } from "../../tests/stack/frames.ts";
import { TAP } from "./guest_command_line.ts";
import type { RunningGuest } from "./running_guest.ts";

const ASK_EVERY_MS = 5;

/** Where a reply has what: Ethernet's source, its type, IPv4's protocol, and ICMP's type. */
const SOURCE = 6;
const ETHER_TYPE = 12;
const PROTOCOL = 23;
const ICMP_TYPE = 34;
const ICMP = 1;
const ECHO_REPLY = 0;

/**
 * Pings a guest every 5 ms since it was powered on, and returns after how many milliseconds it answered
 * first. Linux, at the other end of the cable, tells the guest where the answer goes.
 */
export async function firstAnswer(running: RunningGuest): Promise<number> {
  using port = new PacketPort(running.linux.run(() => packetSocket(TAP)));
  const request = Uint8Array.from(echoFrame());
  let asked = -Infinity;
  return await running.until("an answer to a ping", () => {
    for (let frame = port.next(0); frame !== null; frame = port.next(0)) {
      if (isReply(frame)) return running.age;
    }
    if (running.age - asked >= ASK_EVERY_MS) {
      asked = running.age;
      sendIfPossible(port, request);
    }
    return null;
  });
}

/** Whether a frame is an echo reply of the guest. */
export function isReply(frame: Uint8Array): boolean {
  return frame.length > ICMP_TYPE && mac(HOST_MAC).every((byte, i) => frame[SOURCE + i] === byte) &&
    frame[ETHER_TYPE] === 0x08 && frame[ETHER_TYPE + 1] === 0x00 &&
    frame[PROTOCOL] === ICMP && frame[ICMP_TYPE] === ECHO_REPLY;
}

/** Without a QEMU at the other end, a TAP interface takes nothing. */
function sendIfPossible(port: PacketPort, frame: Uint8Array<ArrayBuffer>): void {
  try {
    port.send(frame);
  } catch (error) {
    if (!(error instanceof ErrnoError)) throw error;
  }
}
