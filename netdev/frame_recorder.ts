import type { Netbuf } from "./netbuf.ts";
import type { NetdevOps } from "./netdev_driver.ts";

/** Is shown every frame that passes a device, in order. It may look at a frame, and keep nothing. */
export interface FrameRecorder {
  /** Sees the `count` frames of `netbufs[0…]`, as they were received. */
  received(netbufs: readonly Netbuf[], count: number): void;
  /**
   * Sees frames of `netbufs[from…]` that are about to be sent, and says how many of `count` it has
   * room to remember until {@link FrameRecorder.sent}: at least one, unless `count` is 0. What was
   * staged before and never sent is forgotten.
   */
  stage(netbufs: readonly Netbuf[], from: number, count: number): number;
  /** The driver took the first `count` of the staged frames, and the rest are forgotten. */
  sent(count: number): void;
}

/** All ops by name, for {@link recordedOps} to pass on: a new one that is left out doesn't compile. */
const OPS = {
  probe: true,
  infoGet: true,
  rxqInfoGet: true,
  txqInfoGet: true,
  configure: true,
  poolCreate: true,
  rxqConfigure: true,
  txqConfigure: true,
  start: true,
  stop: true,
  unconfigure: true,
  close: true,
  hwaddrGet: true,
  hwaddrSet: true,
  mtuSet: true,
  promiscuousGet: true,
  promiscuousSet: true,
  linkGet: true,
  einfoGet: true,
  rxqIntrEnable: true,
  rxqIntrDisable: true,
  rxBurst: true,
  rxqStatus: true,
  txBurst: true,
  txqReclaim: true,
  watchdog: true,
  statsGet: true,
  detailsGet: true,
} as const satisfies Record<keyof NetdevOps, true>;

/**
 * A driver's ops, with a recorder that sees every frame: received ones as `rxBurst` hands them out,
 * before the stack rewrites them in place; sent ones as `txBurst` was given them, as far as the
 * driver took them. They are staged before, because a frame that was taken is the device's, which
 * may be done with it, and its netbuf in other hands, before `txBurst` returns. Frames that the driver
 * took only to drop them are seen too.
 *
 * All other ops are the driver's own, and those that it lacks are lacking.
 */
export function recordedOps(ops: NetdevOps, recorder: FrameRecorder): NetdevOps {
  return {
    ...passedOn(ops),
    rxBurst: (queueId, netbufs, count) => {
      const received = ops.rxBurst(queueId, netbufs, count);
      if (received > 0) recorder.received(netbufs, received);
      return received;
    },
    txBurst: (queueId, netbufs, from, count) => {
      let done = 0;
      for (;;) {
        const staged = recorder.stage(netbufs, from + done, count - done);
        const taken = ops.txBurst(queueId, netbufs, from + done, staged);
        recorder.sent(taken);
        done += taken;
        if (taken < staged || done === count) return done;
      }
    },
  };
}

/** The same ops as plain functions: a driver's methods, bound to it. */
function passedOn(ops: NetdevOps): NetdevOps {
  const bound = Object.keys(OPS).map((name): [string, unknown] => {
    const op: unknown = Reflect.get(ops, name);
    return [name, typeof op === "function" ? op.bind(ops) : undefined];
  });
  // An op that is undefined counts as lacking, to the registry and to Netdev.
  return Object.fromEntries(bound) as unknown as NetdevOps;
}
