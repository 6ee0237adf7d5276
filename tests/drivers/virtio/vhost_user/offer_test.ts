import { assertEquals, assertRejects } from "@std/assert";
import { FdWaiter } from "../../../../drivers/ffi/fd_waiter.ts";
import { socketPair } from "../../../../drivers/ffi/unix_socket.ts";
import { type FeatureSet, featureSet } from "../../../../drivers/virtio/features.ts";
import { Connection } from "../../../../drivers/virtio/vhost_user/connection.ts";
import {
  decodeU64,
  encodeU64,
  VHOST_USER_GET_FEATURES,
  VHOST_USER_GET_PROTOCOL_FEATURES,
  VHOST_USER_GET_QUEUE_NUM,
} from "../../../../drivers/virtio/vhost_user/message.ts";
import { type Offer, readOffer } from "../../../../drivers/virtio/vhost_user/offer.ts";
import { VirtioError } from "../../../../drivers/virtio/virtio_error.ts";
import { monotonicClock } from "../../../../netdev/clock.ts";
import { handleUntil } from "./handle_until.ts";
import { type Request, ScriptedPeer } from "./scripted_peer.ts";

/** What DPDK's net_vhost 22.11 offers. */
const NET_VHOST = 0xd_7c66_e7cbn;
const NET_VHOST_PROTOCOL = 0x10cbfn;
const PROTOCOL_FEATURES = 1n << 30n;

/** Has a back-end offer this; what is made of it, and what it was told. */
async function offerOf(
  features: FeatureSet,
  protocolFeatures: bigint,
  queueNum: bigint,
  without?: FeatureSet,
): Promise<{ readonly offer: Offer; readonly acknowledged: boolean; readonly told: Request[] }> {
  using waiter = new FdWaiter(monotonicClock);
  const [ours, theirs] = socketPair();
  using connection = new Connection(ours, waiter, monotonicClock);
  using peer = new ScriptedPeer(theirs);
  let settled = false;
  const offer = readOffer(connection, without).finally(() => settled = true);
  const told: Request[] = [];
  const answers = new Map<string, readonly [request: number, value: bigint]>(
    [
      ["GET_FEATURES", [VHOST_USER_GET_FEATURES, features]],
      ["GET_PROTOCOL_FEATURES", [VHOST_USER_GET_PROTOCOL_FEATURES, protocolFeatures]],
      ["GET_QUEUE_NUM", [VHOST_USER_GET_QUEUE_NUM, queueNum]],
    ],
  );
  const rejected = offer.catch(() => {});
  await handleUntil(waiter, () => {
    for (const request of peer.all()) {
      told.push(request);
      const answer = answers.get(request.name);
      if (answer !== undefined) peer.reply(answer[0], encodeU64(answer[1]));
    }
    return settled;
  });
  await rejected;
  told.push(...peer.all());
  return { offer: await offer, acknowledged: connection.acknowledged, told };
}

Deno.test("of DPDK's offer what is the front-end's is left out", async () => {
  const { offer, acknowledged, told } = await offerOf(NET_VHOST, NET_VHOST_PROTOCOL, 128n);
  const gone = featureSet(
    "VIRTIO_NET_F_MTU",
    "VIRTIO_NET_F_CTRL_VQ",
    "VIRTIO_NET_F_CTRL_RX",
    "VIRTIO_NET_F_GUEST_ANNOUNCE",
    "VIRTIO_NET_F_MQ",
  );
  const logAll = 1n << 26n;
  assertEquals(offer, {
    all: NET_VHOST,
    features: NET_VHOST & ~gone & ~logAll & ~PROTOCOL_FEATURES,
    protocolFeatures: 0b1001n,
    queuePairs: 128,
  });
  assertEquals(acknowledged, true);
  assertEquals(told.map(({ name }) => name), [
    "SET_OWNER",
    "GET_FEATURES",
    "GET_PROTOCOL_FEATURES",
    "SET_PROTOCOL_FEATURES",
    "GET_QUEUE_NUM",
  ]);
  assertEquals(decodeU64(told[3].payload), 0b1001n);
});

Deno.test("one without protocol features isn't asked for any, and has one pair of queues", async () => {
  const features = featureSet("VIRTIO_F_VERSION_1");
  const { offer, acknowledged, told } = await offerOf(features, 0n, 0n);
  assertEquals(offer, { all: features, features, protocolFeatures: 0n, queuePairs: 1 });
  assertEquals(acknowledged, false);
  assertEquals(told.map(({ name }) => name), ["SET_OWNER", "GET_FEATURES"]);
});

Deno.test("one that has neither MQ nor REPLY_ACK, as few do", async () => {
  const { offer, acknowledged, told } = await offerOf(PROTOCOL_FEATURES, 0b10110n, 0n);
  assertEquals(offer.queuePairs, 1);
  assertEquals(offer.protocolFeatures, 0n);
  assertEquals(acknowledged, false);
  assertEquals(told.at(-1)?.name, "SET_PROTOCOL_FEATURES");
});

Deno.test("features that are to be left out aren't offered", async () => {
  const both = featureSet("VIRTIO_F_VERSION_1", "VIRTIO_NET_F_MRG_RXBUF");
  const without = featureSet("VIRTIO_NET_F_MRG_RXBUF");
  const { offer } = await offerOf(both, 0n, 0n, without);
  assertEquals(offer.features, featureSet("VIRTIO_F_VERSION_1"));
});

for (const pairs of [0n, 0x8001n, 0xffff_ffff_ffff_ffffn]) {
  Deno.test(`${pairs} pairs of queues can't be`, async () => {
    await assertRejects(
      () => offerOf(PROTOCOL_FEATURES, 1n, pairs),
      VirtioError,
      `has ${pairs} pairs of queues: 1 to 32768 can be`,
    );
  });
}
