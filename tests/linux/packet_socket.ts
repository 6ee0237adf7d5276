import { check } from "../../drivers/ffi/errno.ts";
import { interfaceRequest } from "../../drivers/ffi/network_interface_control.ts";
import { libc } from "../../drivers/ffi/libc.ts";
import { openSocket } from "../../drivers/ffi/socket.ts";
import { UnixSocket } from "../../drivers/ffi/unix_socket.ts";

/** packet(7). */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const ETH_P_ALL = 0x0003;
const SIOCGIFINDEX = 0x8933n;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_IGNORE_OUTGOING = 23;

/**
 * A packet socket on the interface `name` of this thread's network namespace: every message is a
 * frame, and all that come in there are received, with `both` also all that go out. A socket is a
 * socket, so `UnixSocket` will do.
 */
export function packetSocket(name: string, both = false): UnixSocket {
  const socket = new UnixSocket(openSocket(AF_PACKET, SOCK_RAW, ETH_P_ALL << 8));
  setOption(socket.fd, SOL_SOCKET, SO_RCVBUFFORCE, 8 * 2 ** 20);
  setOption(socket.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, both ? 0 : 1);
  const request = interfaceRequest(name);
  check("ioctl(SIOCGIFINDEX)", libc.ioctl(socket.fd, SIOCGIFINDEX, request));
  // struct sockaddr_ll: family, protocol in network order, interface index.
  const address = new Uint8Array(20);
  new Uint16Array(address.buffer, 0, 2).set([AF_PACKET, ETH_P_ALL << 8]);
  new Int32Array(address.buffer, 4, 1).set(new Int32Array(request.buffer, 16, 1));
  check("bind", libc.bind(socket.fd, address, address.length));
  return socket;
}

function setOption(fd: number, level: number, name: number, value: number): void {
  check("setsockopt", libc.setsockopt(fd, level, name, Int32Array.of(value), 4));
}

/** All frames that the socket has received, as a pcap file (pcap-savefile(5)) without times. */
export function receivedAsPcap(socket: UnixSocket): Uint8Array {
  const parts: Uint8Array[] = [words(0xa1b2c3d4, 0x0004_0002, 0, 0, 65535, 1)];
  const buffer = new Uint8Array(65536);
  for (;;) {
    const length = socket.receiveAt(buffer, 0, buffer.length);
    if (length < 0) break;
    parts.push(words(0, 0, length, length), buffer.slice(0, length));
  }
  const file = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let at = 0;
  for (const part of parts) {
    file.set(part, at);
    at += part.length;
  }
  return file;
}

function words(...values: number[]): Uint8Array {
  return new Uint8Array(Uint32Array.from(values).buffer);
}
