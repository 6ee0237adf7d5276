import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import { type BackEnd, BackEnds } from "../drivers/virtio/vhost_user/back_ends.ts";
import { type FeatureName, featureSet } from "../drivers/virtio/features.ts";
import { SharedMemory } from "../drivers/virtio/vhost_user/shared_memory.ts";
import { VhostUserTransport } from "../drivers/virtio/vhost_user/vhost_user_transport.ts";
import { VirtioError } from "../drivers/virtio/virtio_error.ts";
import type { Clock } from "../netdev/clock.ts";
import { cardMemoryBytes } from "./card_memory.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";
import { socketText, type VHOST_USER_OPTIONS, type VhostUserUri } from "./device_uri.ts";
import { connectSocket, listenSocket } from "./socket_uri.ts";
import { openSoleCard } from "./sole_card.ts";

/** What the options of a URI are about. */
const FEATURES: Readonly<Record<typeof VHOST_USER_OPTIONS[number], FeatureName>> = {
  mrg_rxbuf: "VIRTIO_NET_F_MRG_RXBUF",
  indirect_desc: "VIRTIO_F_INDIRECT_DESC",
  event_idx: "VIRTIO_F_EVENT_IDX",
  in_order: "VIRTIO_F_IN_ORDER",
};

const HUGE_PAGE = 2 * 1024 * 1024;

/**
 * Connects to a back-end, or waits for one that connects to us; the next one takes its place when it's
 * lost. `VirtioError` when the one that we connected to is of no use.
 */
export async function openVhostUser(
  uri: VhostUserUri,
  config: DeviceConfig,
  waiter: FdWaiter,
  clock: Clock,
): Promise<OpenDevice> {
  const name = `vhost-user ${socketText(uri)}`;
  let transport: VhostUserTransport | null = null;
  const first = Promise.withResolvers<BackEnd>();
  const without = featureSet(...uri.without.map((option) => FEATURES[option]));
  const meeting = uri.server
    ? { listener: listenSocket(uri) }
    : { connect: () => connectSocket(uri) };
  using stack = new DisposableStack();
  const backEnds = stack.use(
    new BackEnds(meeting, waiter, clock, without, {
      onFound: (backEnd) => {
        if (transport !== null) return transport.replace(backEnd);
        first.resolve(backEnd);
        return null;
      },
      onUseless: (reason) => {
        const line = `${name} ${reason}`;
        if (transport === null && !uri.server) first.reject(new VirtioError(line));
        else config.onUnusable(line);
      },
    }),
  );
  if (uri.server) {
    config.onWaiting(name);
    backEnds.seek();
  } else {
    backEnds.meet(connectSocket(uri));
  }
  const backEnd = await handled(first.promise, waiter, config.stopping);
  const memory = stack.use(new SharedMemory(memoryBytes(config)));
  const card = new VhostUserTransport(
    name,
    backEnd,
    memory,
    waiter,
    () => backEnds.seek(),
    uri.server ? (reason) => config.onUnusable(reason) : null,
  );
  const device = openSoleCard(card, config, clock, stack);
  transport = card;
  return device;
}

/** What rings and netbufs of the host take, at most, in pages of any size. */
function memoryBytes(config: DeviceConfig): number {
  return Math.ceil(cardMemoryBytes(config) / HUGE_PAGE + 1) * HUGE_PAGE;
}

/** Has descriptors handled until `promise` is settled, as no loop does that yet. */
async function handled<T>(
  promise: Promise<T>,
  waiter: FdWaiter,
  stopping: AbortSignal | undefined,
): Promise<T> {
  let settled = false;
  const end = (): void => {
    settled = true;
    waiter.wake();
  };
  promise.then(end, end);
  stopping?.addEventListener("abort", end);
  try {
    stopping?.throwIfAborted();
    while (!settled) await waiter.sleep(Infinity);
    stopping?.throwIfAborted();
    return await promise;
  } finally {
    stopping?.removeEventListener("abort", end);
  }
}
