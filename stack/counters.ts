import { LargeCounts } from "../netdev/large_counts.ts";
import { DROP_REASON_NAMES, type DropReason } from "./drop_reason.ts";
import { Verdict } from "./verdict.ts";

/** What a host did, all since it was made. */
export interface HostCounters {
  /** ARP requests and probes for our address that got a reply. */
  arpRequestsAnswered: number;
  /** ARP requests sent to resolve an address. */
  arpRequestsSent: number;
  /** ARP announcements sent. */
  arpAnnouncementsSent: number;
  /** ARP replies taken in. */
  arpRepliesReceived: number;
  /** Echo requests that got a reply. */
  echoRequestsAnswered: number;
  /** Echo requests of our own, sent or put on hold for an ARP reply. */
  echoRequestsSent: number;
  /** Echo replies to our own requests. */
  echoRepliesReceived: number;
  /** Packets dropped, by the name of the reason; reasons that never applied are left out. */
  drops: Record<string, number>;
}

/** The things done that are counted, by the field of {@link HostCounters} they end up in. */
export const Activity = {
  ARP_REQUEST_ANSWERED: 0,
  ARP_REQUEST_SENT: 1,
  ARP_ANNOUNCEMENT_SENT: 2,
  ARP_REPLY_RECEIVED: 3,
  ECHO_REQUEST_ANSWERED: 4,
  ECHO_REQUEST_SENT: 5,
  ECHO_REPLY_RECEIVED: 6,
} as const;

/** One of the values of {@link Activity}. */
export type Activity = typeof Activity[keyof typeof Activity];

/** The counters of one host, exact to 2^53; counting allocates nothing. */
export class Counters {
  readonly #drops = new Float64Array(DROP_REASON_NAMES.length);
  readonly #activities = new LargeCounts(Object.keys(Activity).length);

  /** Counts a drop; returns DROP, so that a protocol drops and counts in one statement. */
  drop(reason: DropReason): typeof Verdict.DROP {
    this.#drops[reason]++;
    return Verdict.DROP;
  }

  /** Counts something done, once or more often. */
  count(activity: Activity, times = 1): void {
    this.#activities.add(activity, times);
  }

  /** A copy of all of them. */
  snapshot(): HostCounters {
    const drops: Record<string, number> = {};
    this.#drops.forEach((count, reason) => {
      if (count > 0) drops[DROP_REASON_NAMES[reason]] = count;
    });
    const done = this.#activities;
    return {
      arpRequestsAnswered: done.get(Activity.ARP_REQUEST_ANSWERED),
      arpRequestsSent: done.get(Activity.ARP_REQUEST_SENT),
      arpAnnouncementsSent: done.get(Activity.ARP_ANNOUNCEMENT_SENT),
      arpRepliesReceived: done.get(Activity.ARP_REPLY_RECEIVED),
      echoRequestsAnswered: done.get(Activity.ECHO_REQUEST_ANSWERED),
      echoRequestsSent: done.get(Activity.ECHO_REQUEST_SENT),
      echoRepliesReceived: done.get(Activity.ECHO_REPLY_RECEIVED),
      drops,
    };
  }
}
