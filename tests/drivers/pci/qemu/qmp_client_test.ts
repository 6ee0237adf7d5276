import { assertEquals, assertThrows } from "@std/assert";
import { ErrnoError } from "../../../../drivers/ffi/errno.ts";
import { socketPair, type UnixSocket } from "../../../../drivers/ffi/unix_socket.ts";
import { QemuError } from "../../../../drivers/pci/qemu/qemu_error.ts";
import { QmpClient } from "../../../../drivers/pci/qemu/qmp_client.ts";

const GREETING = '{"QMP": {"version": {}, "capabilities": ["oob"]}}';
const DONE = '{"return": {}}';

/** A client whose QEMU is the test. Answers are put into the socket before they are asked for. */
class FakeQemu implements Disposable {
  readonly client: QmpClient;
  readonly far: UnixSocket;
  readonly #near: UnixSocket;

  constructor(...lines: readonly string[]) {
    [this.#near, this.far] = socketPair();
    this.client = new QmpClient(this.#near);
    this.far.send(new TextEncoder().encode(lines.map((line) => `${line}\r\n`).join("")));
  }

  /** What the client has asked so far. */
  asked(): string {
    const buffer = new Uint8Array(4096);
    const length = this.far.receive(buffer);
    return new TextDecoder().decode(buffer.subarray(0, Math.max(length, 0)));
  }

  [Symbol.dispose](): void {
    this.#near[Symbol.dispose]();
    this.far[Symbol.dispose]();
  }
}

Deno.test("each command is a line, and greeting and events are no answers", () => {
  using qemu = new FakeQemu(GREETING, DONE, '{"event": "RESUME", "timestamp": {}}', DONE);
  qemu.client.execute("qmp_capabilities");
  qemu.client.execute("cont");
  assertEquals(qemu.asked(), '{"execute":"qmp_capabilities"}\n{"execute":"cont"}\n');
});

Deno.test("a command that QEMU refuses is a QemuError that has its words", () => {
  using qemu = new FakeQemu(GREETING, '{"error": {"class": "CommandNotFound", "desc": "no"}}');
  assertThrows(() => qemu.client.execute("cont"), QemuError, '"desc":"no"');
});

Deno.test("a QEMU that has gone is an error of the socket", () => {
  using qemu = new FakeQemu();
  qemu.far[Symbol.dispose]();
  assertThrows(() => qemu.client.execute("cont"), ErrnoError, "pipe");
});

Deno.test("a command goes with its arguments, and what is returned comes back", () => {
  using qemu = new FakeQemu(DONE, '{"return": {"running": true}}');
  qemu.client.execute("device_del", { id: "nic" });
  assertEquals(qemu.asked(), '{"execute":"device_del","arguments":{"id":"nic"}}\n');
  assertEquals(qemu.client.execute("query-status"), { running: true });
});

Deno.test("events are kept until they're asked for, each once, and else waited for", () => {
  const deleted = (device: string) =>
    `{"event": "DEVICE_DELETED", "data": {"device": "${device}"}, "timestamp": {}}`;
  using qemu = new FakeQemu(GREETING, deleted("a"), '{"event": "STOP"}', DONE, deleted("b"));
  qemu.client.execute("qmp_capabilities");
  const name = "DEVICE_DELETED";
  assertEquals(qemu.client.event("STOP"), { event: "STOP", data: null });
  assertEquals(qemu.client.event(name), { event: name, data: { device: "a" } });
  assertEquals(qemu.client.event(name), { event: name, data: { device: "b" } });
});

Deno.test("what is no object is a QemuError that quotes it", () => {
  using qemu = new FakeQemu("7");
  assertThrows(() => qemu.client.execute("cont"), QemuError, "QEMU said 7 where cont was awaited");
});
