import { createMemfd } from "../../ffi/mapped_region.ts";
import type { UnixSocket } from "../../ffi/unix_socket.ts";
import { libc } from "../../ffi/libc.ts";
import type { Eventfd } from "../../ffi/eventfd.ts";

/** Peer numbers, as the server gives them out. */
const QEMU_PEER = 0;
const OUR_PEER = 1;

const PROTOCOL_VERSION = 0n;
const SHARED_MEMORY = -1n;
const SHARED_MEMORY_BYTES = 4096;

/** The value QEMU's device writes into its doorbell register to ring our `vector`. */
export function doorbellValue(vector: number): number {
  return OUR_PEER << 16 | vector;
}

/**
 * Plays the server to QEMU's ivshmem-doorbell device (docs/specs/ivshmem-spec.rst): tells it its
 * peer number and hands over shared memory (unused, but it wants some), then one eventfd for each
 * vector of both peers, `ours` last. `ours` are those that the device signals when its doorbell register is
 * written; writing one of `theirs` makes it send the MSI-X message of that vector.
 */
export function introduce(
  server: UnixSocket,
  ours: readonly Eventfd[],
  theirs: readonly Eventfd[],
): void {
  sendMessage(server, PROTOCOL_VERSION);
  sendMessage(server, BigInt(QEMU_PEER));
  const memory = createMemfd("ukdeno-ivshmem", SHARED_MEMORY_BYTES);
  sendMessage(server, SHARED_MEMORY, memory);
  libc.close(memory);
  for (const event of theirs) sendMessage(server, BigInt(QEMU_PEER), event.fd);
  for (const event of ours) sendMessage(server, BigInt(OUR_PEER), event.fd);
}

/** A message is one little-endian 64-bit number, with a descriptor where there is one to hand over. */
function sendMessage(server: UnixSocket, value: bigint, fd?: number): void {
  server.send(new Uint8Array(BigInt64Array.of(value).buffer), fd);
}
