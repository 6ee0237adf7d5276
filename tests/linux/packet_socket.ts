import { check } from "../../drivers/ffi/errno.ts";
import { interfaceRequest } from "../../drivers/ffi/network_interface_control.ts";
import { libc } from "../../drivers/ffi/libc.ts";
import { UnixSocket } from "../../drivers/ffi/unix_socket.ts";

/** packet(7). */
const AF_PACKET = 17;
const SOCK_RAW = 3;
const SOCK_CLOEXEC = 0o2000000;
const ETH_P_ALL = 0x0003;
const SIOCGIFINDEX = 0x8933n;
const SOL_SOCKET = 1;
const SO_RCVBUFFORCE = 33;
const SOL_PACKET = 263;
const PACKET_IGNORE_OUTGOING = 23;

const { setsockopt } = Deno.dlopen("libc.so.6", {
  setsockopt: { parameters: ["i32", "i32", "i32", "buffer", "u32"], result: "i32" },
}).symbols;

/**
 * A packet socket on the interface `name` of this thread's network namespace: every message is a
 * frame, and all that come in there are received. A socket is a socket, so `UnixSocket` will do.
 */
export function packetSocket(name: string): UnixSocket {
  const socket = new UnixSocket(
    check("socket", libc.socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, ETH_P_ALL << 8)),
  );
  setOption(socket.fd, SOL_SOCKET, SO_RCVBUFFORCE, 8 * 2 ** 20);
  setOption(socket.fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, 1);
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
  check("setsockopt", setsockopt(fd, level, name, Int32Array.of(value), 4));
}
