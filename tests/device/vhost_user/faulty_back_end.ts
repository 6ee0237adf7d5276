/*
 * `faulty_back_end.ts FAULT PATH`: a vhost-user back-end that listens there and does one thing wrong
 * with each front-end that connects, one after another, until it is killed.
 */

import { ErrnoError } from "../../../drivers/ffi/errno.ts";
import { waitReadable } from "../../../drivers/ffi/fd_waiter.ts";
import { listenPath, type UnixSocket } from "../../../drivers/ffi/unix_socket.ts";
import { VhostUserBackEnd } from "./back_end.ts";
import { BackEndError } from "./back_end_error.ts";
import { type FaultName, FAULTS } from "./faults.ts";

const FOREVER_MS = -1;

function serve(socket: UnixSocket, fault: FaultName): void {
  using backEnd = new VhostUserBackEnd(socket, {
    features: 0n,
    queuePairs: 1,
    ...FAULTS[fault],
  });
  try {
    while (waitReadable(backEnd.fd, FOREVER_MS) && backEnd.serve());
  } catch (error) {
    // The front-end has hung up, which is its right.
    if (!(error instanceof BackEndError || error instanceof ErrnoError)) throw error;
    console.error(`faulty back-end: ${error.message}`);
  }
}

const [fault, path] = Deno.args;
if (!(fault in FAULTS) || path === undefined) {
  console.error(`usage: faulty_back_end.ts ${Object.keys(FAULTS).join("|")} PATH`);
  Deno.exit(2);
}
const listener = listenPath(path, 4);
console.log("listening");
for (;;) {
  waitReadable(listener.fd, FOREVER_MS);
  const socket = listener.accept();
  if (socket !== null) serve(socket, fault as FaultName);
}
