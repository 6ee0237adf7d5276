import { assertEquals, assertGreater, assertRejects } from "@std/assert";
import {
  listenAbstract,
  type UnixListener,
  type UnixSocket,
} from "../../../drivers/ffi/unix_socket.ts";
import { connectHub, HUB_PORTS, HubError, hubPortName } from "../../../drivers/hub/hub_port.ts";
import { frame, framed } from "../stream/stream_link.ts";

/** A name per test, so that tests can run side by side. */
function hubName(test: string): string {
  return `ukdeno-test-${Deno.pid}-${test}`;
}

/** The side of a hub that QEMU has: listens on each port, and takes one peer only where it is told. */
class FakeHub implements Disposable {
  readonly name: string;
  /** The peer that was accepted. */
  peer: UnixSocket | null = null;
  readonly #listeners: UnixListener[] = [];
  #timer: ReturnType<typeof setInterval> | undefined;

  constructor(name: string, ports: number) {
    this.name = name;
    for (let i = 0; i < ports; i++) {
      this.#listeners.push(listenAbstract(hubPortName(name, i), 0));
    }
  }

  /** Accepts the next peer of a port now, if one waits. */
  accept(port: number): UnixSocket | null {
    return this.#listeners[port].accept();
  }

  /** Accepts the next peer of a port and receives its first byte, as soon as it comes. */
  serve(port: number): void {
    const buffer = new Uint8Array(16);
    this.#timer = setInterval(() => {
      this.peer ??= this.accept(port);
      if (this.peer === null || this.peer.receive(buffer) < 0) return;
      assertEquals(buffer[0], 0);
      clearInterval(this.#timer);
    }, 5);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
    this.peer?.[Symbol.dispose]();
    for (const listener of this.#listeners) listener[Symbol.dispose]();
  }
}

Deno.test("connectHub() takes the port whose other side receives", async () => {
  using hub = new FakeHub(hubName("free"), HUB_PORTS);
  hub.serve(0);
  const { socket, headerSent, port } = await connectHub(hub.name);
  using mine = socket;
  assertEquals([port, headerSent], [0, 1]);
  const stream = framed(frame(20));
  mine.send(stream.slice(headerSent));
  const buffer = new Uint8Array(64);
  assertEquals(hub.peer?.receive(buffer), stream.length - headerSent);
});

Deno.test("connectHub() goes past ports whose backlog takes it and nobody accepts", async () => {
  using hub = new FakeHub(hubName("third"), HUB_PORTS);
  hub.serve(2);
  const { socket, port } = await connectHub(hub.name);
  socket[Symbol.dispose]();
  assertEquals(port, 2);
});

Deno.test("connectHub() gives up on a hub whose ports are in use; the event loop stays free", async () => {
  using hub = new FakeHub(hubName("full"), HUB_PORTS);
  let ticks = 0;
  const timer = setInterval(() => ticks++, 5);
  // The second attempt finds the backlogs full of what the first one left behind.
  for (let attempt = 0; attempt < 2; attempt++) {
    const { code, message } = await assertRejects(() => connectHub(hub.name), HubError);
    assertEquals(code, "EBUSY");
    assertEquals(message, `all 4 ports of hub "${hub.name}" are in use: stop one of its peers`);
  }
  clearInterval(timer);
  assertGreater(ticks, 10);
});

Deno.test("connectHub() gets a port whose backlog was full of connections given up", async () => {
  using hub = new FakeHub(hubName("left"), 1);
  await assertRejects(() => connectHub(hub.name), HubError, "in use");
  const join = connectHub(hub.name);
  hub.accept(0)?.[Symbol.dispose]();
  hub.serve(0);
  const { socket, port } = await join;
  socket[Symbol.dispose]();
  assertEquals(port, 0);
});

Deno.test("connectHub() says that no appliance is running", async () => {
  const name = hubName("nobody");
  const error = await assertRejects(() => connectHub(name), HubError);
  assertEquals(error.code, "ENOENT");
  assertEquals(
    error.message,
    `no appliance with hub "${name}" is running here: start one with \`deno task start\``,
  );
});

Deno.test("connectHub() refuses a name that is too long for a socket", async () => {
  await assertRejects(() => connectHub("x".repeat(105)), HubError, "no appliance");
  const error = await assertRejects(() => connectHub("x".repeat(106)), HubError, "too long");
  assertEquals(error.code, "EINVAL");
});
