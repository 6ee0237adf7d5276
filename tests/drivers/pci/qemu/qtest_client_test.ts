import { assert, assertEquals, assertInstanceOf, assertThrows } from "@std/assert";
import { ErrnoError } from "../../../../drivers/ffi/errno.ts";
import { socketPair, type UnixSocket } from "../../../../drivers/ffi/unix_socket.ts";
import { QemuError } from "../../../../drivers/pci/qemu/qemu_error.ts";
import { QtestClient } from "../../../../drivers/pci/qemu/qtest_client.ts";
import { Counted, Dripping, Forsaken, Unheard } from "./strange_sockets.ts";

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

for (
  const answer of [
    "FAIL Unknown command 'foo'",
    "ERR no such thing",
    "",
    "IRQ raise",
    "IRQ raise x",
  ]
) {
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

/** Has the client write down the interrupts that it's told of. */
function noteIrqs(client: QtestClient): string[] {
  const irqs: string[] = [];
  client.onIrq = (line, raised) => irqs.push(`${line} ${raised ? "up" : "down"}`);
  return irqs;
}

Deno.test("interrupts before, between and behind answers are told of, and are no answers", () => {
  using qemu = new FakeQemu();
  const irqs = noteIrqs(qemu.client);
  qemu.say("IRQ raise 11\nIRQ lower 11\nOK 0x1\nIRQ raise 9\nOK\nIRQ lower 9\nIRQ raise 23\n");
  assertEquals(qemu.client.in(1, 1), 1);
  // The line behind the answer was received with it, and nothing more would wake anyone for it.
  assertEquals(irqs, ["11 up", "11 down", "9 up"]);
  qemu.client.out(1, 1, 0);
  assertEquals(irqs.slice(3), ["9 down", "23 up"]);
});

Deno.test("an interrupt that comes by itself is told of when the client looks", () => {
  const [near, far] = socketPair();
  using client = near;
  using qemu = far;
  const qtest = new QtestClient(new Dripping(client.fd));
  const irqs = noteIrqs(qtest);
  qtest.drain();
  qemu.send(new TextEncoder().encode("IRQ raise 5\nIRQ low"));
  qtest.drain();
  assertEquals(irqs, ["5 up"]);
  qemu.send(new TextEncoder().encode("er 5\n"));
  qtest.drain();
  assertEquals(irqs, ["5 up", "5 down"]);
});

Deno.test("interrupts are asked for by the name of the controller", () => {
  using qemu = new FakeQemu("OK");
  qemu.client.interceptIrqs("ioapic");
  assertEquals(qemu.asked(), "irq_intercept_in ioapic\n");
});

Deno.test("a posted write waits for nothing; a read behind it has its own answer", () => {
  using qemu = new FakeQemu();
  const { client } = qemu;
  client.postWrite(0xe000_0003, 1, 2);
  client.postOut(0xc002, 2, 0x10);
  assertEquals(qemu.asked(), "writeb 0xe0000003 0x2\noutw 0xc002 0x10\n");
  qemu.say("OK\nIRQ raise 11\nOK\nOK 0x7\n");
  const irqs = noteIrqs(client);
  assertEquals(client.read(16, 1), 7);
  assertEquals(irqs, ["11 up"]);
  qemu.say("OK 0x8\n");
  assertEquals(client.read(16, 1), 8);
});

Deno.test("flush() waits for the answers to all posted writes, and for none without them", () => {
  using qemu = new FakeQemu();
  const { client } = qemu;
  client.flush();
  client.postWrite(1, 1, 2);
  client.postWrite(1, 1, 3);
  qemu.say("OK\nOK\nOK 0x5\n");
  client.flush();
  client.flush();
  client.drain();
  // The third answer was left for the next question.
  assertEquals(client.read(0, 1), 5);
});

Deno.test("64 posted writes are as many as QEMU is left alone with", () => {
  const [near, far] = socketPair();
  using counted = new Counted(near.fd);
  using qemu = far;
  const client = new QtestClient(counted);
  qemu.send(new TextEncoder().encode("OK\n".repeat(64)));
  for (let i = 0; i < 63; i++) client.postWrite(0, 4, i);
  assertEquals(counted.receives, 0);
  client.postWrite(0, 4, 63);
  assert(counted.receives > 0);
  qemu.send(new TextEncoder().encode("OK 0x9\n"));
  assertEquals(client.read(0, 4), 9);
});

Deno.test("a posted write that QEMU refuses is a QemuError of a later call, once", () => {
  for (const later of ["drain", "flush", "read"] as const) {
    using qemu = new FakeQemu();
    const { client } = qemu;
    client.postWrite(0, 4, 1);
    client.postWrite(0, 4, 2);
    qemu.say("FAIL no\nOK\n");
    if (later === "read") qemu.say("OK 0x1\n");
    const call = {
      drain: () => client.drain(),
      flush: () => client.flush(),
      read: () => void client.read(0, 4),
    };
    assertThrows(call[later], QemuError, 'QEMU answered "FAIL no" to a posted write');
    qemu.say("OK 0x2\n");
    assertEquals(client.read(0, 4), 2, later);
  }
});

Deno.test("with QEMU gone, posted writes are lost, and nothing is waited for", () => {
  using qemu = new FakeQemu();
  const { client } = qemu;
  client.postWrite(0, 4, 1);
  qemu.hangUp();
  client.flush();
  assertEquals(client.closed, true);
  client.postWrite(0, 4, 1);
  client.drain();
  client.flush();
  assertThrows(() => client.read(0, 4), QemuError, "closed its control");

  using other = new FakeQemu();
  other.hangUp();
  other.client.drain();
  assertEquals(other.client.closed, true);
});

Deno.test("a line without an end is a QemuError, not a buffer that grows", () => {
  using qemu = new FakeQemu();
  qemu.say("x".repeat(5000));
  assertThrows(() => qemu.client.drain(), QemuError, "a line of more than 4096 bytes");
});
