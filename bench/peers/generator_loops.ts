import type { GeneratorPort } from "./generator_port.ts";
import type { GeneratorSession } from "./generator_session.ts";
import type { Latencies } from "./generator_latencies.ts";

/** When a run ends: after so many requests, or at that time of the session's clock. */
export interface RunEnd {
  readonly echoes: number;
  readonly untilNs: number;
}

/** Frames taken from one port before the next one has its turn. */
const TAKE_MAX = 64;

/** Requests that go out together in a closed loop, unless the window is smaller. */
const CLOSED_BURST = 32;

/** Requests that are late go out together, at most so many. */
const LATE_MAX = 64;

/**
 * Keeps `window` requests on their way at each port: as many go out as have come back, in bursts. Ends
 * when the last one has come back.
 */
export function closedLoop(session: GeneratorSession, window: number, end: RunEnd): void {
  const { ports, ownTime } = session;
  const burst = Math.min(CLOSED_BURST, Math.max(1, window >>> 2));
  let left = end.echoes;
  for (;;) {
    let worked = 0;
    for (let i = 0; i < ports.length; i++) {
      const port = ports[i];
      const start = ownTime.start();
      const taken = port.take(TAKE_MAX);
      const room = window - port.outstanding;
      let sent = 0;
      if (left > 0 && room >= burst) {
        sent = port.send(room < left ? room : left);
        left -= sent;
      }
      ownTime.end(start, taken);
      worked += taken + sent;
    }
    if (worked === 0) {
      if (left === 0 && session.outstanding === 0) return;
      session.pause();
    }
    if (session.due && session.look() >= end.untilNs) left = 0;
  }
}

/**
 * Sends bursts of exactly `size`, the next one when the last has been answered whole and another
 * `pauseSteps` have passed. Several ports take turns. How many bursts there were.
 */
export function burstLoop(
  session: GeneratorSession,
  size: number,
  pauseSteps: number,
  end: RunEnd,
): number {
  const { ports } = session;
  let left = Math.ceil(end.echoes / size);
  let bursts = 0;
  for (let i = 0; left > 0; i = i + 1 === ports.length ? 0 : i + 1) {
    const port = ports[i];
    port.sendBurst(size);
    left--;
    bursts++;
    if (!awaitAll(session, port, end.untilNs)) left = 0;
    session.spin(pauseSteps);
  }
  return bursts;
}

/** Takes in all that is on its way at a port; whether there's time left. */
function awaitAll(session: GeneratorSession, port: GeneratorPort, untilNs: number): boolean {
  let inTime = true;
  while (port.outstanding > 0) {
    if (port.take(TAKE_MAX) === 0) session.pause();
    if (session.due && session.look() >= untilNs) inTime = false;
  }
  return inTime;
}

/** How an open loop kept its own time. */
export interface OpenLoopCounts {
  /** Nanoseconds by which the latest request was late. */
  readonly latestNs: number;
  /** Requests that found no buffer. */
  readonly refused: number;
}

/**
 * Sends at a fixed rate, whatever comes back, and times each reply. A request is timed from when it
 * was sent; how late that was is told apart.
 */
export function openLoop(
  session: GeneratorSession,
  intervalNs: number,
  latencies: Latencies,
  end: RunEnd,
): OpenLoopCounts {
  const { ports, clock } = session;
  let left = end.echoes;
  let due = clock.now();
  let latestNs = 0;
  let refused = 0;
  let turn = 0;
  for (;;) {
    const now = clock.now();
    let worked = 0;
    for (let i = 0; i < ports.length; i++) {
      const port = ports[i];
      if (!port.waiting) continue;
      latencies.stamp();
      worked += port.take(TAKE_MAX);
    }
    if (left > 0 && now >= due) {
      const late = now - due;
      if (late > latestNs) latestNs = late;
      const count = Math.min(LATE_MAX, left, 1 + Math.floor(late / intervalNs));
      latencies.stamp();
      const sent = ports[turn].send(count);
      turn = turn + 1 === ports.length ? 0 : turn + 1;
      refused += count - sent;
      left -= count;
      due += count * intervalNs;
      worked += count;
    }
    if (worked === 0) {
      if (left === 0 && session.outstanding === 0) return { latestNs, refused };
      session.pause();
    }
    if (session.due && session.look() >= end.untilNs) left = 0;
  }
}
