import { assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { ErrnoError } from "../../../../drivers/ffi/errno.ts";
import { socketPair, UnixSocket } from "../../../../drivers/ffi/unix_socket.ts";
import { QemuError } from "../../../../drivers/pci/qemu/qemu_error.ts";
import { QtestClient } from "../../../../drivers/pci/qemu/qtest_client.ts";

/** A client whose QEMU is the test. Answers are put into the socket before they are asked for. */
class FakeQemu implements Disposable {
  readonly client: QtestClient;
  readonly #near: UnixSocket;
  readonly #far: UnixSocket;

  constructor(...answers: readonly string[]) {
    [this.#near, this.#far] = socketPair();
    this.client = new QtestClient(this.#near);
    for (const answer of answers) this.say(`${answer}\n`);
  }

  say(text: string): void {
    this.#far.send(new TextEncoder().encode(text));
  }

  /** What the client has asked so far. */
  asked(): string {
    const buffer = new Uint8Array(4096);
    const length = this.#far.receive(buffer);
    return new TextDecoder().decode(buffer.subarray(0, Math.max(length, 0)));
  }

  hangUp(): void {
    this.#far[Symbol.dispose]();
  }

  [Symbol.dispose](): void {
    this.#near[Symbol.dispose]();
    this.#far[Symbol.dispose]();
  }
}

/** A socket that hands out one byte at a time. */
class Dripping extends UnixSocket {
  override receive(into: Uint8Array<ArrayBuffer>): number {
    const byte = new Uint8Array(1);
    const count = super.receive(byte);
    into.set(byte);
    return count;
  }
}

/** A socket whose peer hears what is sent, says half of something, and closes. */
class Forsaken extends UnixSocket {
  readonly #far: UnixSocket;
  readonly #half: string;

  constructor(fd: number, far: UnixSocket, half: string) {
    super(fd);
    this.#far = far;
    this.#half = half;
  }

  override send(bytes: Uint8Array<ArrayBuffer>): void {
    super.send(bytes);
    this.#far.receive(new Uint8Array(64));
    this.#far.send(new TextEncoder().encode(this.#half));
    this.#far[Symbol.dispose]();
  }
}

/** A socket whose peer closes without having read what it was sent: a connection reset. */
class Unheard extends UnixSocket {
  readonly #far: UnixSocket;

  constructor(fd: number, far: UnixSocket) {
    super(fd);
    this.#far = far;
  }

  override send(bytes: Uint8Array<ArrayBuffer>): void {
    super.send(bytes);
    this.#far[Symbol.dispose]();
  }
}

Deno.test("each width has its command, and numbers go in hexadecimal", () => {
  using qemu = new FakeQemu(...new Array<string>(6).fill("OK 0x0"));
  const { client } = qemu;
  client.in(0xcfc, 4);
  client.in(0xcfe, 2);
  client.in(0x61, 1);
  client.read(0xe000_1000, 4);
  client.read(0x12_0000_0002, 2);
  client.read(7, 1);
  assertEquals(
    qemu.asked(),
    "inl 0xcfc\ninw 0xcfe\ninb 0x61\nreadl 0xe0001000\nreadw 0x1200000002\nreadb 0x7\n",
  );
});

Deno.test("writes carry an unsigned value, whatever sign it came with", () => {
  using qemu = new FakeQemu(...new Array<string>(4).fill("OK"));
  const { client } = qemu;
  client.out(0xcf8, 4, 0x8000_1000 | 0);
  client.out(0x43, 1, 0x30);
  client.write(0xe000_0000, 4, 0xffff_ffff);
  client.write(0xe000_0002, 2, 7);
  assertEquals(
    qemu.asked(),
    "outl 0xcf8 0x80001000\noutb 0x43 0x30\nwritel 0xe0000000 0xffffffff\nwritew 0xe0000002 0x7\n",
  );
});

Deno.test("a value comes as QEMU says it, with leading zeros or without", () => {
  using qemu = new FakeQemu("OK 0x1af41041", "OK 0x0000000000000012", "OK 0xffffffff");
  assertEquals(qemu.client.in(0xcfc, 4), 0x1af4_1041);
  assertEquals(qemu.client.read(0, 4), 0x12);
  assertEquals(qemu.client.read(0, 4), 0xffff_ffff);
});

for (const answer of ["FAIL Unknown command 'foo'", "ERR no such thing", "", "IRQ raise 4"]) {
  Deno.test(`an answer of "${answer}" is a QemuError that quotes it and the question`, () => {
    using qemu = new FakeQemu(answer, answer);
    const { client } = qemu;
    assertThrows(() => client.read(16, 2), QemuError, `QEMU answered "${answer}" to readw 0x10`);
    assertThrows(() => client.write(16, 2, 3), QemuError, `"${answer}" to writew 0x10 0x3`);
  });
}

for (
  const answer of [
    "OK",
    "OK ",
    "OKAY 0x1",
    "OK 12",
    "OK 0xzz",
    "OK what",
    "OK 0xffffffffffffffff",
    "OK 0x1 0x2",
  ]
) {
  Deno.test(`a value of "${answer}" is a QemuError`, () => {
    using qemu = new FakeQemu(answer);
    assertThrows(() => qemu.client.in(16, 2), QemuError, `QEMU answered "${answer}" to inw 0x10`);
  });
}

Deno.test("answers that come in one piece are one for each question", () => {
  using qemu = new FakeQemu();
  qemu.say("OK 0x1\nOK 0x2\nOK\nOK 0x3\n");
  const { client } = qemu;
  assertEquals([client.in(1, 1), client.in(2, 1)], [1, 2]);
  client.out(3, 1, 0);
  assertEquals(client.in(4, 1), 3);
});

Deno.test("an answer that is cut anywhere is put together again", () => {
  const [near, far] = socketPair();
  using client = near;
  using qemu = far;
  const qtest = new QtestClient(new Dripping(client.fd));
  qemu.send(new TextEncoder().encode("OK 0x12345678\nOK 0x9\n"));
  assertEquals([qtest.in(1, 4), qtest.in(1, 1)], [0x1234_5678, 9]);
});

Deno.test("a QEMU that hangs up instead of answering is a QemuError, in mid-answer too", () => {
  for (const half of ["", "OK 0x1"]) {
    const [near, far] = socketPair();
    using socket = new Forsaken(near.fd, far, half);
    const qtest = new QtestClient(socket);
    assertThrows(() => qtest.in(1, 1), QemuError, "closed its control connection");
  }
});

Deno.test("a QEMU that is gone before it's asked, or before it read, is a QemuError too", () => {
  using gone = new FakeQemu();
  gone.hangUp();
  const error = assertThrows(() => gone.client.in(1, 1), QemuError, "closed its control");
  assertInstanceOf(error.cause, ErrnoError);

  const [near, far] = socketPair();
  using socket = new Unheard(near.fd, far);
  assertThrows(() => new QtestClient(socket).in(1, 1), QemuError, "closed its control");
});
