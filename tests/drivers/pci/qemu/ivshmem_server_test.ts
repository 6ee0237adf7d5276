import { assertEquals } from "@std/assert";
import { Eventfd } from "../../../../drivers/ffi/eventfd.ts";
import { libc } from "../../../../drivers/ffi/libc.ts";
import { MappedRegion } from "../../../../drivers/ffi/mapped_region.ts";
import { socketPair, type UnixSocket } from "../../../../drivers/ffi/unix_socket.ts";
import { doorbellValue, introduce } from "../../../../drivers/pci/qemu/ivshmem_server.ts";

/** One message as QEMU receives it: a little-endian int64, and what came with it. */
interface Message {
  readonly value: bigint;
  readonly fds: readonly number[];
}

/** Everything that waits in the socket, message by message. */
function receiveAll(socket: UnixSocket): Message[] {
  const messages: Message[] = [];
  for (;;) {
    const bytes = new Uint8Array(8);
    const fds: number[] = [];
    if (socket.receive(bytes, fds) !== 8) return messages;
    messages.push({ value: new DataView(bytes.buffer).getBigInt64(0, true), fds });
  }
}

/** Makes eventfds that close by themselves. */
function eventfds(stack: DisposableStack, count: number): Eventfd[] {
  return Array.from({ length: count }, () => stack.use(new Eventfd()));
}

/** Signals through a descriptor that was handed over. */
function signal(fd: number): void {
  assertEquals(libc.eventfd_write(fd, 1n), 0);
}

Deno.test("the introduction is version, peer, memory, QEMU's vectors, ours, each with its eventfd", () => {
  using stack = new DisposableStack();
  const [server, qemu] = socketPair();
  stack.use(server);
  stack.use(qemu);
  const ours = eventfds(stack, 3);
  const theirs = eventfds(stack, 3);
  introduce(server, ours, theirs);

  const messages = receiveAll(qemu);
  const received = messages.flatMap(({ fds }) => fds);
  for (const fd of received) stack.defer(() => void libc.close(fd));
  assertEquals(messages.map(({ value }) => value), [0n, 0n, -1n, 0n, 0n, 0n, 1n, 1n, 1n]);
  assertEquals(messages.map(({ fds }) => fds.length), [0, 0, 1, 1, 1, 1, 1, 1, 1]);

  const sides = [...theirs, ...ours];
  messages.slice(3).forEach(({ fds: [fd] }, i) => {
    signal(fd);
    assertEquals(sides.map((event) => event.drain()), sides.map((_, j) => j === i), `vector ${i}`);
  });
});

Deno.test("the shared memory is a page that can be mapped", () => {
  using stack = new DisposableStack();
  const [server, qemu] = socketPair();
  stack.use(server);
  stack.use(qemu);
  introduce(server, eventfds(stack, 1), eventfds(stack, 1));
  const messages = receiveAll(qemu);
  for (const fd of messages.flatMap(({ fds }) => fds)) stack.defer(() => void libc.close(fd));
  using memory = new MappedRegion(messages[2].fds[0], 4096);
  memory.u32[1023] = 1;
  assertEquals(memory.u32[1023], 1);
});

Deno.test("a doorbell value is our peer number, 1, in the upper half, and the vector in the lower", () => {
  assertEquals([doorbellValue(0), doorbellValue(7)], [0x1_0000, 0x1_0007]);
});
