import { assert, assertEquals, assertRejects } from "@std/assert";
import { FdWaiter, waitReadable } from "../../../../drivers/ffi/fd_waiter.ts";
import { socketPair } from "../../../../drivers/ffi/unix_socket.ts";
import { Connection } from "../../../../drivers/virtio/vhost_user/connection.ts";
import {
  decodeU64,
  encodeMessage,
  encodeU64,
  U64_BYTES,
  VHOST_USER_GET_FEATURES,
  VHOST_USER_GET_PROTOCOL_FEATURES,
  VHOST_USER_NEED_REPLY_MASK,
  VHOST_USER_REPLY_MASK,
  VHOST_USER_SET_FEATURES,
  VHOST_USER_SET_MEM_TABLE,
  VHOST_USER_SET_OWNER,
} from "../../../../drivers/virtio/vhost_user/message.ts";
import { VirtioError } from "../../../../drivers/virtio/virtio_error.ts";
import { monotonicClock } from "../../../../netdev/clock.ts";
import { handleUntil } from "./handle_until.ts";
import { ScriptedPeer } from "./scripted_peer.ts";

/** A connection, and who is at its other end. */
class Link implements Disposable {
  readonly waiter = new FdWaiter(monotonicClock);
  readonly connection: Connection;
  readonly peer: ScriptedPeer;
  readonly losses: string[] = [];

  constructor() {
    const [ours, theirs] = socketPair();
    this.connection = new Connection(ours, this.waiter, monotonicClock);
    this.connection.onLost = (reason) => this.losses.push(reason);
    this.peer = new ScriptedPeer(theirs);
  }

  /** Why it is lost, once it is. */
  async loss(): Promise<string> {
    await handleUntil(this.waiter, () => this.losses.length > 0);
    assertEquals(this.connection.lossReason, this.losses[0]);
    return this.losses.join("; ");
  }

  [Symbol.dispose](): void {
    this.connection[Symbol.dispose]();
    this.peer[Symbol.dispose]();
    this.waiter[Symbol.dispose]();
  }
}

Deno.test("a request gets its reply", async () => {
  using link = new Link();
  const reply = link.connection.ask(VHOST_USER_GET_FEATURES, U64_BYTES);
  assertEquals(link.peer.next(), {
    name: "GET_FEATURES",
    flags: 1,
    payload: new Uint8Array(0),
    fds: 0,
  });
  link.peer.reply(VHOST_USER_GET_FEATURES, encodeU64(5n));
  link.waiter.poll();
  assertEquals(decodeU64(await reply), 5n);
});

Deno.test("a reply may come in pieces", async () => {
  using link = new Link();
  const reply = link.connection.ask(VHOST_USER_GET_FEATURES, U64_BYTES);
  const message = encodeMessage(VHOST_USER_GET_FEATURES, VHOST_USER_REPLY_MASK, encodeU64(5n));
  for (let i = 0; i < message.length; i++) {
    link.peer.socket.send(message.slice(i, i + 1));
    link.waiter.poll();
  }
  assertEquals(decodeU64(await reply), 5n);
});

Deno.test("what has no reply is acknowledged, where that was agreed on", () => {
  using link = new Link();
  link.connection.tell(VHOST_USER_SET_OWNER);
  assert(link.connection.settle(0));
  link.connection.acknowledged = true;
  link.connection.tell(VHOST_USER_SET_FEATURES, encodeU64(1n));
  assertEquals(link.peer.all().map(({ flags }) => flags), [1, 1 | VHOST_USER_NEED_REPLY_MASK]);
  assertEquals(link.connection.settle(0), false);
  link.peer.acknowledge(VHOST_USER_SET_FEATURES);
  assert(link.connection.settle(10_000));
});

Deno.test("a request that is refused ends the connection", () => {
  using link = new Link();
  link.connection.acknowledged = true;
  link.connection.tell(VHOST_USER_SET_MEM_TABLE);
  link.peer.reply(VHOST_USER_SET_MEM_TABLE, encodeU64(1n));
  assertEquals(link.connection.settle(10_000), false);
  assertEquals(link.losses, ["refuses SET_MEM_TABLE"]);
});

/** Each field of a reply to GET_FEATURES, wrong once; what then is told of the back-end. */
const NONSENSE: readonly (readonly [what: string, bytes: Uint8Array, told: string])[] = [
  [
    "another request",
    encodeMessage(VHOST_USER_GET_PROTOCOL_FEATURES, VHOST_USER_REPLY_MASK, encodeU64(0n)),
    "answered GET_FEATURES as if it were GET_PROTOCOL_FEATURES",
  ],
  [
    "a request that isn't one",
    encodeMessage(99, VHOST_USER_REPLY_MASK, encodeU64(0n)),
    "answered GET_FEATURES as if it were request 99",
  ],
  [
    "no mark of a reply",
    encodeMessage(VHOST_USER_GET_FEATURES, 0, encodeU64(0n)),
    "answered GET_FEATURES with flags 0x1, not 0x5",
  ],
  [
    "a wish for a reply",
    encodeMessage(VHOST_USER_GET_FEATURES, VHOST_USER_REPLY_MASK | 8, encodeU64(0n)),
    "answered GET_FEATURES with flags 0xd, not 0x5",
  ],
  [
    "another version",
    encodeMessage(VHOST_USER_GET_FEATURES, VHOST_USER_REPLY_MASK | 2, encodeU64(0n)),
    "answered GET_FEATURES with flags 0x7, not 0x5",
  ],
  [
    "a flag that isn't one",
    encodeMessage(VHOST_USER_GET_FEATURES, VHOST_USER_REPLY_MASK | 0x8000_0000, encodeU64(0n)),
    "answered GET_FEATURES with flags 0x80000005, not 0x5",
  ],
  [
    "no payload",
    encodeMessage(VHOST_USER_GET_FEATURES, VHOST_USER_REPLY_MASK),
    "answered GET_FEATURES with 0 bytes, not 8",
  ],
  [
    "a payload that is short",
    encodeMessage(VHOST_USER_GET_FEATURES, VHOST_USER_REPLY_MASK, new Uint8Array(7)),
    "answered GET_FEATURES with 7 bytes, not 8",
  ],
  [
    "a payload that never ends",
    Uint8Array.of(1, 0, 0, 0, 5, 0, 0, 0, 0xff, 0xff, 0xff, 0xff),
    "answered GET_FEATURES with 4294967295 bytes, not 8",
  ],
];

for (const [what, bytes, told] of NONSENSE) {
  Deno.test(`a reply with ${what} ends the connection with one line`, async () => {
    using link = new Link();
    const reply = link.connection.ask(VHOST_USER_GET_FEATURES, U64_BYTES);
    link.peer.socket.send(bytes as Uint8Array<ArrayBuffer>);
    const rejected = assertRejects(() => reply, VirtioError, told);
    assertEquals(await link.loss(), told);
    await rejected;
  });
}

Deno.test("a message that nobody asked for ends the connection", async () => {
  using link = new Link();
  link.peer.reply(VHOST_USER_GET_FEATURES, encodeU64(0n));
  assertEquals(await link.loss(), "sent GET_FEATURES, which nobody asked for");
});

Deno.test("a second reply ends the connection, and the first was good", async () => {
  using link = new Link();
  const reply = link.connection.ask(VHOST_USER_GET_FEATURES, U64_BYTES);
  link.peer.reply(VHOST_USER_GET_FEATURES, encodeU64(1n));
  link.peer.reply(VHOST_USER_GET_FEATURES, encodeU64(2n));
  assertEquals(await link.loss(), "sent GET_FEATURES, which nobody asked for");
  assertEquals(decodeU64(await reply), 1n);
});

Deno.test("descriptors that come with a reply are closed, and end the connection", async () => {
  using link = new Link();
  const [kept, passed] = socketPair();
  using _kept = kept;
  const reply = link.connection.ask(VHOST_USER_GET_FEATURES, U64_BYTES);
  const message = encodeMessage(VHOST_USER_GET_FEATURES, VHOST_USER_REPLY_MASK, encodeU64(0n));
  link.peer.socket.send(message, passed.fd);
  passed[Symbol.dispose]();
  const rejected = assertRejects(() => reply, VirtioError, "descriptors");
  assertEquals(await link.loss(), "sent descriptors that nobody asked for");
  await rejected;
  // Nobody has the other end any more.
  assert(waitReadable(kept.fd, 10_000));
  assertEquals(kept.receive(new Uint8Array(1)), 0);
});

Deno.test("a back-end that hangs up is lost at once, and all that was asked of it fails", async () => {
  using link = new Link();
  const replies = [
    link.connection.ask(VHOST_USER_GET_FEATURES, U64_BYTES),
    link.connection.ask(VHOST_USER_GET_PROTOCOL_FEATURES, U64_BYTES),
  ];
  const rejected = replies.map((reply) => assertRejects(() => reply, VirtioError, "hung up"));
  link.peer.all();
  link.peer[Symbol.dispose]();
  assertEquals(await link.loss(), "hung up");
  await Promise.all(rejected);
  await assertRejects(() => link.connection.ask(VHOST_USER_GET_FEATURES, U64_BYTES), VirtioError);
});

Deno.test("one that hangs up with requests unread is lost likewise", async () => {
  using link = new Link();
  link.connection.tell(VHOST_USER_SET_OWNER);
  link.peer[Symbol.dispose]();
  assert((await link.loss()).startsWith("hung up"));
});

Deno.test("half a message and then the end is told apart", async () => {
  using link = new Link();
  link.connection.acknowledged = true;
  link.connection.tell(VHOST_USER_SET_OWNER);
  link.peer.all();
  link.peer.socket.send(
    encodeMessage(VHOST_USER_SET_OWNER, VHOST_USER_REPLY_MASK, encodeU64(0n)).slice(0, 15),
  );
  link.peer[Symbol.dispose]();
  assertEquals(await link.loss(), "hung up in a message");
});

Deno.test("silence ends the connection, and names what wasn't answered", async () => {
  using link = new Link();
  const reply = link.connection.ask(VHOST_USER_GET_FEATURES, U64_BYTES);
  await assertRejects(() => reply, VirtioError, "does not answer GET_FEATURES");
  assertEquals(link.losses, ["does not answer GET_FEATURES"]);
});

Deno.test("one that reads nothing doesn't stop the appliance for long", () => {
  using link = new Link();
  for (let i = 0; i < 100_000 && link.losses.length === 0; i++) {
    link.connection.tell(VHOST_USER_SET_FEATURES, encodeU64(0n));
  }
  assertEquals(link.losses, ["takes no requests"]);
});

Deno.test("what is to be done when all has been answered is done then, and once", async () => {
  using link = new Link();
  let done = 0;
  link.connection.whenSettled(() => done++);
  assertEquals(done, 1);
  link.connection.acknowledged = true;
  link.connection.tell(VHOST_USER_SET_FEATURES, encodeU64(0n));
  link.connection.tell(VHOST_USER_SET_MEM_TABLE);
  link.connection.whenSettled(() => done++);
  link.peer.acknowledge(VHOST_USER_SET_FEATURES);
  link.waiter.poll();
  assertEquals(done, 1);
  link.peer.acknowledge(VHOST_USER_SET_MEM_TABLE);
  await handleUntil(link.waiter, () => done > 1);
  assertEquals(done, 2);
});

Deno.test("one that is left is told nothing, and tells nothing", () => {
  using link = new Link();
  link.connection[Symbol.dispose]();
  link.connection.tell(VHOST_USER_SET_OWNER);
  assertEquals(link.connection.settle(0), false);
  assertEquals(link.losses, []);
  assertEquals(link.peer.socket.receive(new Uint8Array(1)), 0);
});
