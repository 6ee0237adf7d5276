import { assert, assertEquals, assertThrows } from "@std/assert";
import { Eventfd } from "../../../drivers/ffi/eventfd.ts";
import * as message from "../../../drivers/virtio/vhost_user/message.ts";
import { memfdMappings, openDescriptors } from "../../integration/open_files.ts";
import { VIRTIO_F_VERSION_1, VIRTIO_NET_F_MQ } from "./back_end.ts";
import { BackEndError } from "./back_end_error.ts";
import { FrontEndDouble } from "./front_end_double.ts";

const PROTOCOL_FEATURES = 1n << BigInt(message.VHOST_USER_F_PROTOCOL_FEATURES);
const REPLY_ACK = 1n << BigInt(message.VHOST_USER_PROTOCOL_F_REPLY_ACK);
const MQ = 1n << BigInt(message.VHOST_USER_PROTOCOL_F_MQ);

function u64(reply: Uint8Array | null): bigint {
  return message.decodeU64(reply ?? new Uint8Array(0));
}

Deno.test("back-end: it offers what it is, and pairs of queues only when it has some", () => {
  using one = new FrontEndDouble({ features: 1n << 15n });
  assertEquals(
    u64(one.tell(message.VHOST_USER_GET_FEATURES)),
    VIRTIO_F_VERSION_1 | PROTOCOL_FEATURES | 1n << 15n,
  );
  assertEquals(u64(one.tell(message.VHOST_USER_GET_PROTOCOL_FEATURES)), REPLY_ACK);
  using four = new FrontEndDouble({ queuePairs: 4 });
  assert((u64(four.tell(message.VHOST_USER_GET_FEATURES)) & VIRTIO_NET_F_MQ) !== 0n);
  assertEquals(u64(four.tell(message.VHOST_USER_GET_PROTOCOL_FEATURES)), REPLY_ACK | MQ);
  assertEquals(u64(four.tell(message.VHOST_USER_GET_QUEUE_NUM)), 4n);
});

Deno.test("back-end: a vring runs when all of it is known and it is enabled", () => {
  using frontEnd = new FrontEndDouble();
  const { vrings } = frontEnd.backEnd;
  frontEnd.negotiate();
  frontEnd.shareMemory();
  frontEnd.setUpVring(0);
  assertEquals(vrings[0].ring, null);
  frontEnd.tellState(message.VHOST_USER_SET_VRING_ENABLE, 0, 1);
  assertEquals(vrings[0].ring?.size, 8);
  assertEquals(vrings[1].ring, null);
  frontEnd.tellState(message.VHOST_USER_SET_VRING_ENABLE, 0, 0);
  assertEquals(vrings[0].ring, null);
});

Deno.test("back-end: without protocol features a vring need not be enabled", () => {
  using frontEnd = new FrontEndDouble();
  frontEnd.negotiate(PROTOCOL_FEATURES);
  frontEnd.shareMemory();
  frontEnd.setUpVring(0);
  assertEquals(frontEnd.backEnd.vrings[0].ring?.size, 8);
});

Deno.test("back-end: a vring stops with its base, and starts again from there", () => {
  using frontEnd = new FrontEndDouble();
  frontEnd.negotiate();
  frontEnd.shareMemory();
  frontEnd.setUpVring(1);
  frontEnd.tellState(message.VHOST_USER_SET_VRING_ENABLE, 1, 1);
  const reply = frontEnd.tellState(message.VHOST_USER_GET_VRING_BASE, 1, 0);
  assertEquals(message.decodeVringState(reply ?? new Uint8Array(0)), { index: 1, num: 0 });
  assertEquals(frontEnd.backEnd.vrings[1].ring, null);
  frontEnd.setUpVring(1);
  assertEquals(frontEnd.backEnd.vrings[1].ring?.base, 0);
});

Deno.test("back-end: a vring goes on in another memory", () => {
  using frontEnd = new FrontEndDouble();
  frontEnd.negotiate();
  frontEnd.shareMemory();
  frontEnd.setUpVring(0);
  frontEnd.tellState(message.VHOST_USER_SET_VRING_ENABLE, 0, 1);
  const before = frontEnd.backEnd.vrings[0].ring;
  frontEnd.shareMemory();
  const after = frontEnd.backEnd.vrings[0].ring;
  assert(after !== null && after !== before);
});

Deno.test("back-end: requests are acknowledged once that was negotiated", () => {
  using frontEnd = new FrontEndDouble();
  const needReply = message.VHOST_USER_NEED_REPLY_MASK;
  const own = (): Uint8Array | null =>
    frontEnd.tell(message.VHOST_USER_SET_OWNER, undefined, undefined, needReply);
  assertEquals(own(), null);
  frontEnd.tellU64(message.VHOST_USER_SET_PROTOCOL_FEATURES, REPLY_ACK);
  assertEquals(u64(own()), 0n);
});

Deno.test("back-end: the call descriptor is signalled, and none means none", () => {
  using frontEnd = new FrontEndDouble();
  using call = new Eventfd();
  frontEnd.tellU64(message.VHOST_USER_SET_VRING_CALL, 1n, call.fd);
  frontEnd.backEnd.vrings[1].call();
  assert(call.drain());
  frontEnd.tellU64(
    message.VHOST_USER_SET_VRING_CALL,
    BigInt(1 | message.VHOST_USER_VRING_NOFD_MASK),
  );
  frontEnd.backEnd.vrings[1].call();
  assert(!call.drain());
});

Deno.test("back-end: what breaks a rule ends it with a line that names the message", () => {
  const broken: readonly [string, (frontEnd: FrontEndDouble) => void][] = [
    ["SET_FEATURES: features 0x1 were not offered", (frontEnd) => {
      frontEnd.tellU64(message.VHOST_USER_SET_FEATURES, VIRTIO_F_VERSION_1 | 1n);
    }],
    ["SET_FEATURES: VERSION_1 was not accepted", (frontEnd) => {
      frontEnd.tellU64(message.VHOST_USER_SET_FEATURES, 0n);
    }],
    ["SET_VRING_NUM: vring 2: there are 2", (frontEnd) => {
      frontEnd.tellState(message.VHOST_USER_SET_VRING_NUM, 2, 8);
    }],
    ["SET_VRING_NUM: a payload of 3 bytes", (frontEnd) => {
      frontEnd.tell(message.VHOST_USER_SET_VRING_NUM, new Uint8Array(3));
    }],
    ["request 99: not among the messages", (frontEnd) => frontEnd.tell(99)],
    ["SET_VRING_KICK: 0 descriptors came along", (frontEnd) => {
      frontEnd.tellU64(message.VHOST_USER_SET_VRING_KICK, 0n);
    }],
    ["SET_MEM_TABLE: 1 memory regions came with 0 descriptors", (frontEnd) => {
      const region = { guestAddress: 0, size: 4096, userAddress: 0, mmapOffset: 0 };
      frontEnd.tell(message.VHOST_USER_SET_MEM_TABLE, message.encodeMemoryTable([region]));
    }],
    ["SET_VRING_KICK: vring 0: its descriptors at 0x700000100000 is outside", (frontEnd) => {
      frontEnd.negotiate();
      frontEnd.shareMemory();
      frontEnd.setUpVring(0, 1 << 20);
    }],
    ["SET_VRING_KICK: vring 0: its descriptors at 0x700000000008 is not aligned", (frontEnd) => {
      frontEnd.negotiate();
      frontEnd.shareMemory();
      frontEnd.setUpVring(0, 8);
    }],
    ["SET_OWNER has flags 0x2", (frontEnd) => {
      const bytes = message.encodeMessage(message.VHOST_USER_SET_OWNER, 0);
      bytes[4] = 2;
      frontEnd.socket.send(bytes);
      frontEnd.backEnd.serve();
    }],
    ["SET_OWNER has a payload of 4294967295 bytes", (frontEnd) => {
      const bytes = message.encodeMessage(message.VHOST_USER_SET_OWNER, 0);
      bytes.fill(0xff, 8);
      frontEnd.socket.send(bytes);
      frontEnd.backEnd.serve();
    }],
  ];
  for (const [line, breakRule] of broken) {
    using frontEnd = new FrontEndDouble();
    assertThrows(() => breakRule(frontEnd), BackEndError, line);
  }
});

Deno.test("back-end: a front-end that leaves in the middle of a message is told apart", () => {
  using frontEnd = new FrontEndDouble();
  frontEnd.socket.send(new Uint8Array(5));
  frontEnd.socket[Symbol.dispose]();
  assertThrows(() => frontEnd.backEnd.serve(), BackEndError, "in the middle of a message");
});

Deno.test("back-end: a front-end that leaves is seen to be gone", () => {
  using frontEnd = new FrontEndDouble();
  frontEnd.socket[Symbol.dispose]();
  assertEquals(frontEnd.backEnd.serve(), false);
});

Deno.test("back-end: nothing is left behind, however it ends", () => {
  const life = (breakAt: string): void => {
    using frontEnd = new FrontEndDouble();
    using kick = new Eventfd();
    frontEnd.negotiate();
    frontEnd.shareMemory();
    frontEnd.setUpVring(0);
    frontEnd.tellU64(message.VHOST_USER_SET_VRING_CALL, 0n, kick.fd);
    frontEnd.tellU64(message.VHOST_USER_SET_VRING_KICK, 0n, kick.fd);
    frontEnd.shareMemory();
    // A descriptor that nobody expects is closed as well.
    const unexpected = (): Uint8Array | null =>
      frontEnd.tell(message.VHOST_USER_SET_OWNER, undefined, kick.fd);
    if (breakAt === "here") assertThrows(() => frontEnd.tell(99, undefined, kick.fd), BackEndError);
    else unexpected();
  };
  life("nowhere");
  const before = [openDescriptors(), memfdMappings("front-end-double")];
  for (let i = 0; i < 20; i++) life(i % 2 === 0 ? "here" : "nowhere");
  assertEquals([openDescriptors(), memfdMappings("front-end-double")], before);
});
