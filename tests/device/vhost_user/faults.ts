import type { UnixSocket } from "../../../drivers/ffi/unix_socket.ts";
import * as message from "../../../drivers/virtio/vhost_user/message.ts";
import type { BackEndOptions } from "./back_end.ts";
import type { ReplyFault } from "./front_end_socket.ts";

/** What a faulty back-end does in place of the right thing. */
export type FaultName =
  | "garbage"
  | "half"
  | "silent"
  | "descriptor"
  | "leaves"
  | "refuses-memory"
  | "unmapped"
  | "unserved"
  | "no-base";

/** Answers one request in a way of its own, and the others rightly. */
function at(
  request: number,
  send: (socket: UnixSocket, reply: Uint8Array<ArrayBuffer>) => void,
): Partial<BackEndOptions> {
  const fault: ReplyFault = (socket, of, reply) => {
    if (of === request) send(socket, reply);
    else socket.send(reply);
  };
  return { replyFault: fault };
}

const { VHOST_USER_GET_FEATURES, VHOST_USER_GET_VRING_BASE, VHOST_USER_SET_MEM_TABLE } = message;

/** No back-end here ever serves a ring; these say what else it does wrong. */
export const FAULTS: Readonly<Record<FaultName, Partial<BackEndOptions>>> = {
  garbage: at(VHOST_USER_GET_FEATURES, (socket, reply) => socket.send(reply.fill(0xa5))),
  half: at(VHOST_USER_GET_FEATURES, (socket, reply) => socket.send(reply.slice(0, 15))),
  silent: at(VHOST_USER_GET_FEATURES, () => {}),
  descriptor: at(VHOST_USER_GET_FEATURES, (socket, reply) => socket.send(reply, socket.fd)),
  leaves: at(VHOST_USER_GET_FEATURES, (socket) => socket[Symbol.dispose]()),
  "refuses-memory": at(VHOST_USER_SET_MEM_TABLE, (socket, reply) => {
    reply[message.HEADER_BYTES] = 1;
    socket.send(reply);
  }),
  unmapped: { mapsMemory: false },
  unserved: {},
  "no-base": at(VHOST_USER_GET_VRING_BASE, () => {}),
};
