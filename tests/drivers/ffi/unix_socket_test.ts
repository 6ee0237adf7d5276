import { assert, assertEquals, assertThrows } from "@std/assert";
import { EADDRINUSE, EAGAIN, EPIPE, ErrnoError } from "../../../drivers/ffi/errno.ts";
import { Eventfd } from "../../../drivers/ffi/eventfd.ts";
import { libc } from "../../../drivers/ffi/libc.ts";
import { createMemfd, MappedRegion } from "../../../drivers/ffi/mapped_region.ts";
import {
  connectAbstract,
  connectPath,
  listenAbstract,
  listenPath,
  socketPair,
} from "../../../drivers/ffi/unix_socket.ts";

Deno.test("bytes arrive in order, an empty socket says -1 and a closed peer 0", () => {
  const [left, right] = socketPair();
  using reader = right;
  const buffer = new Uint8Array(16);
  assertEquals(reader.receive(buffer), -1);
  left.send(Uint8Array.of(1, 2, 3));
  left.send(Uint8Array.of(4));
  assertEquals(reader.receive(buffer), 4);
  assertEquals([...buffer.subarray(0, 4)], [1, 2, 3, 4]);
  left[Symbol.dispose]();
  assertEquals(reader.receive(buffer), 0);
});

Deno.test("a received descriptor is the sender's file", () => {
  const [left, right] = socketPair();
  using sender = left;
  using receiver = right;
  const memfd = createMemfd("ukdeno-test", 4096);
  using mine = new MappedRegion(memfd, 4096);
  sender.send(Uint8Array.of(7), memfd);
  libc.close(memfd);
  const fds: number[] = [];
  assertEquals(receiver.receive(new Uint8Array(8), fds), 1);
  assertEquals(fds.length, 1);
  using theirs = new MappedRegion(fds[0], 4096);
  libc.close(fds[0]);
  mine.u32[10] = 4711;
  assertEquals(theirs.u32[10], 4711);
});

Deno.test("a message without a descriptor brings none, after one that did", () => {
  const [left, right] = socketPair();
  using sender = left;
  using receiver = right;
  using event = new Eventfd();
  sender.send(Uint8Array.of(1), event.fd);
  const fds: number[] = [];
  receiver.receive(new Uint8Array(8), fds);
  libc.close(fds[0]);
  sender.send(Uint8Array.of(2));
  receiver.receive(new Uint8Array(8), fds);
  assertEquals(fds.length, 1);
});

Deno.test("send() to a closed peer throws EPIPE instead of raising SIGPIPE", () => {
  const [left, right] = socketPair();
  using sender = left;
  right[Symbol.dispose]();
  const error = assertThrows(() => sender.send(Uint8Array.of(1)), ErrnoError);
  assertEquals(error.errno, EPIPE);
});

Deno.test("connectAbstract() names the call when nobody listens", () => {
  const name = `ukdeno-test-nobody-${Deno.pid}`;
  assertThrows(() => connectAbstract(name), ErrnoError, "connect: Connection refused");
  assertThrows(() => connectAbstract("x".repeat(108)), RangeError, "longer than 107 bytes");
});

Deno.test("sendSome() and receiveAt() move what there is, between offsets, without waiting", () => {
  const [left, right] = socketPair();
  using sender = left;
  using receiver = right;
  const buffer = new Uint8Array(8);
  assertEquals(receiver.receiveAt(buffer, 0, 8), -1);
  assertEquals(sender.sendSome(Uint8Array.of(1, 2, 3, 4, 5), 1, 3), 3);
  assertEquals(receiver.receiveAt(buffer, 4, 2), 2);
  assertEquals(receiver.receiveAt(buffer, 6, 2), 1);
  assertEquals([...buffer], [0, 0, 0, 0, 2, 3, 4, 0]);
});

Deno.test("sendSome() says -1 when the socket is full, and throws when the peer is gone", () => {
  const [left, right] = socketPair();
  using sender = left;
  const bytes = new Uint8Array(65536);
  let sent = 0;
  for (let n = 1; n > 0;) {
    n = sender.sendSome(bytes, 0, bytes.length);
    if (n > 0) sent += n;
  }
  let received = 0;
  for (let n = right.receive(bytes); n > 0; n = right.receive(bytes)) received += n;
  assertEquals(received, sent);
  right[Symbol.dispose]();
  const error = assertThrows(() => sender.sendSome(bytes, 0, 1), ErrnoError);
  assertEquals(error.errno, EPIPE);
});

Deno.test("sendPending() tells whether the peer has received everything", () => {
  const [left, right] = socketPair();
  using sender = left;
  using receiver = right;
  assertEquals(sender.sendPending(), false);
  sender.send(Uint8Array.of(1));
  assertEquals(sender.sendPending(), true);
  receiver.receive(new Uint8Array(1));
  assertEquals(sender.sendPending(), false);
});

Deno.test("a listener accepts peers in turn; a full backlog refuses instead of waiting", () => {
  const name = `ukdeno-test-listener-${Deno.pid}`;
  using listener = listenAbstract(name, 0);
  assertEquals(listener.accept(), null);
  using first = connectAbstract(name);
  const error = assertThrows(() => connectAbstract(name), ErrnoError);
  assertEquals(error.errno, EAGAIN);
  using accepted = listener.accept() ?? undefined;
  assert(accepted !== undefined);
  first.send(Uint8Array.of(7));
  const buffer = new Uint8Array(1);
  assertEquals(accepted.receive(buffer), 1);
  assertEquals(buffer[0], 7);
  assertEquals(
    assertThrows(() => listenAbstract(name, 0), ErrnoError).errno,
    EADDRINUSE,
  );
});

Deno.test("a socket file is there as long as its listener, and peers come by it", () => {
  const folder = Deno.makeTempDirSync({ dir: "/tmp", prefix: "ukdeno-socket-" });
  const path = `${folder}/socket`;
  assertThrows(() => connectPath(path), ErrnoError, "connect: No such file or directory");
  {
    using listener = listenPath(path, 0);
    assertEquals(listener.accept(), null);
    using near = connectPath(path);
    using far = listener.accept();
    assert(far !== null);
    near.send(Uint8Array.of(42));
    const buffer = new Uint8Array(8);
    assertEquals([far.receive(buffer), buffer[0]], [1, 42]);
    const taken = assertThrows(() => listenPath(path, 0), ErrnoError);
    assertEquals(taken.errno, EADDRINUSE);
  }
  assertEquals([...Deno.readDirSync(folder)], []);
  Deno.writeTextFileSync(path, "not a socket");
  assertThrows(() => listenPath(path, 0), ErrnoError);
  assertEquals(Deno.readTextFileSync(path), "not a socket", "a file that was there is left alone");
  assertThrows(() => listenPath("x".repeat(108), 0), RangeError);
  Deno.removeSync(folder, { recursive: true });
});
