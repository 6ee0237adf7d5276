import { assertEquals } from "@std/assert";
import { Activity, Counters } from "../../stack/counters.ts";
import { DropReason } from "../../stack/drop_reason.ts";
import { Verdict } from "../../stack/verdict.ts";

Deno.test("drop() counts under the name of the reason and gives the verdict", () => {
  const counters = new Counters();
  assertEquals(counters.drop(DropReason.IPV4_FRAGMENT), Verdict.DROP);
  counters.drop(DropReason.IPV4_FRAGMENT);
  counters.drop(DropReason.NETBUF_CHAINED);
  assertEquals(counters.snapshot().drops, { ipv4_fragment: 2, netbuf_chained: 1 });
});

Deno.test("each activity ends up in its own field", () => {
  const counters = new Counters();
  Object.values(Activity).forEach((activity, i) => {
    for (let n = 0; n <= i; n++) counters.count(activity);
  });
  assertEquals(counters.snapshot(), {
    arpRequestsAnswered: 1,
    arpRequestsSent: 2,
    arpAnnouncementsSent: 3,
    arpRepliesReceived: 4,
    echoRequestsAnswered: 5,
    echoRequestsSent: 6,
    echoRepliesReceived: 7,
    drops: {},
  });
});

Deno.test("a snapshot does not change with what is counted later", () => {
  const counters = new Counters();
  const before = counters.snapshot();
  counters.drop(DropReason.ARP_CONFLICT);
  counters.count(Activity.ECHO_REQUEST_SENT);
  assertEquals(before, new Counters().snapshot());
});
