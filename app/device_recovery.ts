import type { Netdev } from "../netdev/netdev.ts";
import { NetdevError } from "../netdev/netdev_error.ts";
import type { Ticker } from "../netdev/poll_loop.ts";
import type { NetworkInterface } from "../stack/network_interface.ts";

/** A device that fails again within so many milliseconds has not recovered. */
const SOON_MS = 100;

/** Wait before a reset, when the one before was of little use: it doubles each time. */
const FIRST_DELAY_MS = 10;
const LONGEST_DELAY_MS = 1000;

/** Resets in a row after none of which a packet came. */
const TRIES = 8;

/** Is told what becomes of a device that failed. */
export interface DeviceRecoveryEvents {
  /** It works again; `reason` says why it was reset. */
  onReset(reason: string): void;
  /** It can't be brought back; one line says why. */
  onGiveUp(reason: string): void;
}

/**
 * Brings a device back that broke its queues or asked for a reset: stops and starts it at a turn of
 * the loop, never in the middle of a burst. The host on it keeps all that it knows; packets on their
 * way are lost. A device that fails again soon is left alone for a while, longer each time.
 */
export class DeviceRecovery implements Ticker {
  /** Resets that succeeded. */
  resets = 0;

  readonly #netdev: Netdev;
  readonly #networkInterface: NetworkInterface;
  readonly #events: DeviceRecoveryEvents;
  /** Why it is to be reset; null while it works. */
  #reason: string | null = null;
  /** When it's to be started; null until it has been stopped. */
  #startAt: number | null = null;
  #startedAt = -Infinity;
  #delay = 0;
  #tries = 0;
  #packetsBefore = 0;
  #givenUp = false;

  /** For a running device and what polls it. */
  constructor(netdev: Netdev, networkInterface: NetworkInterface, events: DeviceRecoveryEvents) {
    this.#netdev = netdev;
    this.#networkInterface = networkInterface;
    this.#events = events;
  }

  /** The device can't go on. May be called from anywhere; the rest is done by {@link tick}. */
  fail(reason: string): void {
    this.#reason ??= reason;
  }

  tick(now: number): number {
    if (this.#reason === null || this.#givenUp) return Infinity;
    this.#startAt ??= this.#stop(now);
    if (now < this.#startAt) return this.#startAt;
    return this.#start(now, this.#reason);
  }

  /** Quiets the device; when to start it again. */
  #stop(now: number): number {
    const soon = now - this.#startedAt < SOON_MS;
    const { rxPackets } = this.#netdev.statsGet();
    if (!soon || rxPackets !== this.#packetsBefore) this.#tries = 0;
    if (!soon) this.#delay = 0;
    this.#packetsBefore = rxPackets;
    this.#networkInterface.suspend();
    try {
      this.#netdev.stop();
    } catch {
      // It is stopped all the same, and what is wrong with it the start will tell.
    }
    return now + this.#delay;
  }

  /** Starts the device; when to try again, or Infinity. */
  #start(now: number, reason: string): number {
    if (this.#tries === TRIES) {
      return this.#giveUp(`${reason}; ${TRIES} resets in a row brought no packet`);
    }
    this.#tries++;
    this.#startedAt = now;
    this.#delay = Math.min(Math.max(2 * this.#delay, FIRST_DELAY_MS), LONGEST_DELAY_MS);
    // From here on a failure is another one.
    this.#reason = null;
    this.#startAt = null;
    try {
      this.#netdev.start();
    } catch (error) {
      const message = error instanceof Error ? error.message : String(error);
      if (error instanceof NetdevError && error.code === "ENODEV") return this.#giveUp(message);
      this.#reason = message;
      return this.#startAt = now + this.#delay;
    }
    this.resets++;
    this.#networkInterface.resume();
    this.#events.onReset(reason);
    return Infinity;
  }

  #giveUp(reason: string): number {
    this.#givenUp = true;
    this.#events.onGiveUp(`${this.#netdev.name} is given up: ${reason}`);
    return Infinity;
  }
}
