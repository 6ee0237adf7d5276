import { assertEquals } from "@std/assert";
import { SendResult } from "../../stack/mod.ts";
import { ClientFixture, IDENTIFIER, OWN } from "./echo_client_fixture.ts";

Deno.test("requests go out at their times, numbered from 1", () => {
  const fixture = new ClientFixture({ count: 4, interval: 250 });
  fixture.run(10_000);
  assertEquals(fixture.requests, [
    { sequence: 1, at: 0 },
    { sequence: 2, at: 250 },
    { sequence: 3, at: 500 },
    { sequence: 4, at: 750 },
  ]);
  assertEquals(fixture.client.sent, 4);
});

Deno.test("the first request goes out with the first tick, whatever the clock says", () => {
  const fixture = new ClientFixture({ count: 2 }, 5000.75);
  assertEquals(fixture.tick(5000.75), 6000);
  assertEquals(fixture.requests, [{ sequence: 1, at: 5000 }]);
});

Deno.test("a tick before its time sends nothing and keeps the deadline", () => {
  const fixture = new ClientFixture();
  assertEquals(fixture.tick(0), 1000);
  assertEquals(fixture.tick(1), 1000);
  assertEquals(fixture.tick(999), 1000);
  assertEquals(fixture.requests.length, 1);
});

Deno.test("deadlines are whole milliseconds, and the rate is right all the same", () => {
  const fixture = new ClientFixture({ count: 1001, interval: 1.5 });
  assertEquals(fixture.tick(0), 2);
  fixture.run(1500);
  assertEquals(fixture.requests.length, 1001);
  assertEquals(fixture.requests.at(-1), { sequence: 1001, at: 1500 });
});

Deno.test("a small delay does not move the requests after it", () => {
  const fixture = new ClientFixture();
  fixture.tick(0);
  assertEquals(fixture.tick(1300), 2000);
  assertEquals(fixture.tick(2000), 3000);
  assertEquals(fixture.requests.map(({ at }) => at), [0, 1300, 2000]);
});

Deno.test("a long delay is not made up for by a burst", () => {
  const fixture = new ClientFixture();
  fixture.tick(0);
  assertEquals(fixture.tick(10_300), 11_300);
  assertEquals(fixture.tick(10_300), 11_300);
  fixture.run(13_000);
  assertEquals(fixture.requests.map(({ at }) => at), [0, 10_300, 11_300, 12_300]);
});

Deno.test("a reply tells its time, size and hop count", () => {
  const fixture = new ClientFixture();
  fixture.tick(0);
  fixture.clock.time = 12.25;
  fixture.reply(1);
  assertEquals(fixture.replies, [{
    sequence: 1,
    payloadLength: 56,
    ttl: 64,
    time: 12.25,
    duplicate: false,
    intact: true,
  }]);
  assertEquals(fixture.client.received, 1);
});

Deno.test("each reply is timed from its own request", () => {
  const fixture = new ClientFixture({ interval: 10 });
  fixture.run(20);
  fixture.clock.time = 25;
  for (const sequence of [2, 1, 3]) fixture.reply(sequence);
  assertEquals(fixture.replies.map(({ time }) => time), [15, 25, 5]);
});

Deno.test("a second reply is told as a duplicate and not counted", () => {
  const fixture = new ClientFixture({ interval: 10 });
  fixture.run(10);
  fixture.reply(1);
  fixture.reply(1);
  fixture.reply(2);
  fixture.reply(1);
  assertEquals(fixture.replies.map(({ duplicate }) => duplicate), [false, true, false, true]);
  assertEquals(fixture.client.received, 2);
});

Deno.test("what answers none of our requests is nobody's reply", () => {
  const fixture = new ClientFixture();
  fixture.tick(0);
  fixture.reply(1, { source: OWN });
  fixture.reply(1, { identifier: IDENTIFIER + 1 });
  fixture.reply(0);
  fixture.reply(2);
  assertEquals(fixture.replies, []);
  assertEquals(fixture.client.received, 0);
});

Deno.test("a reply with other data, or less or more of it, is not intact", () => {
  const fixture = new ClientFixture();
  fixture.tick(0);
  const changed = Uint8Array.from({ length: 56 }, (_, i) => i);
  changed[55] ^= 1;
  fixture.replyWith(1, changed);
  fixture.reply(1, {}, 55);
  fixture.reply(1, {}, 57);
  fixture.reply(1, {}, 56);
  assertEquals(fixture.replies.map(({ intact }) => intact), [false, false, false, true]);
});

Deno.test("a long payload counts to 255 and from 0 again", () => {
  const fixture = new ClientFixture({ payloadLength: 600 });
  fixture.tick(0);
  fixture.reply(1, {}, 600);
  assertEquals(fixture.replies[0].intact, true);
});

Deno.test("sequence numbers come round after 65,536 requests, and replies still count", () => {
  const fixture = new ClientFixture({ interval: 1 });
  fixture.run(0);
  fixture.reply(1);
  fixture.run(65_534);
  fixture.clock.time = 65_534;
  fixture.reply(65_535);
  assertEquals(fixture.client.received, 2);
  fixture.run(65_536);
  assertEquals(fixture.requests.slice(-3).map(({ sequence }) => sequence), [65_535, 0, 1]);
  assertEquals(fixture.client.sent, 65_537);
  fixture.clock.time = 65_540;
  fixture.reply(0);
  fixture.reply(1);
  fixture.reply(1);
  assertEquals(
    fixture.replies.slice(-3).map(({ sequence, time, duplicate }) => [sequence, time, duplicate]),
    [[0, 5, false], [1, 4, false], [1, 4, true]],
  );
  assertEquals(fixture.client.received, 4);
});

Deno.test("it is done once all were answered, without waiting", () => {
  const fixture = new ClientFixture({ count: 2, interval: 100 });
  fixture.run(0);
  fixture.reply(1);
  assertEquals(fixture.tick(100), 600);
  fixture.reply(2);
  assertEquals(fixture.done, 0);
  assertEquals(fixture.tick(101), Infinity);
  assertEquals(fixture.done, 1);
});

Deno.test("after a lost reply it lingers from the last request on", () => {
  const fixture = new ClientFixture({ count: 3, interval: 100 });
  fixture.run(0);
  fixture.reply(1);
  assertEquals(fixture.tick(100), 200);
  assertEquals(fixture.tick(200), 700);
  fixture.reply(3);
  assertEquals(fixture.tick(699), 700);
  assertEquals(fixture.done, 0);
  assertEquals(fixture.tick(700), Infinity);
  assertEquals(fixture.done, 1);
  assertEquals([fixture.client.sent, fixture.client.received], [3, 2]);
});

Deno.test("a duplicate does not stand in for a lost reply", () => {
  const fixture = new ClientFixture({ count: 2, interval: 100 });
  fixture.run(0);
  fixture.reply(1);
  fixture.reply(1);
  assertEquals(fixture.tick(100), 600);
  assertEquals(fixture.done, 0);
});

Deno.test("while nothing was heard at all it has more patience", () => {
  const fixture = new ClientFixture({ count: 1 });
  assertEquals(fixture.tick(0), 4000);
  assertEquals(fixture.tick(3999), 4000);
  assertEquals(fixture.done, 0);
  assertEquals(fixture.tick(4000), Infinity);
  assertEquals(fixture.done, 1);
});

Deno.test("done is told once, and nothing is sent afterwards", () => {
  const fixture = new ClientFixture({ count: 1 });
  fixture.run(4000);
  for (const now of [4001, 5000, 9000]) assertEquals(fixture.tick(now), Infinity);
  assertEquals(fixture.done, 1);
  assertEquals(fixture.requests.length, 1);
});

Deno.test("without a count it goes on", () => {
  const fixture = new ClientFixture({ interval: 1000 });
  fixture.run(60_000);
  assertEquals(fixture.requests.length, 61);
  assertEquals(fixture.done, 0);
});

Deno.test("a request that cannot be sent is told with its reason, and the next one is tried", () => {
  const fixture = new ClientFixture({ interval: 10 });
  const reasons = [SendResult.NO_ROUTE, SendResult.NO_BUFFER, SendResult.TOO_BIG];
  reasons.forEach((reason, i) => {
    fixture.result = reason;
    fixture.tick(10 * i);
  });
  assertEquals(fixture.failures, [
    [1, SendResult.NO_ROUTE],
    [2, SendResult.NO_BUFFER],
    [3, SendResult.TOO_BIG],
  ]);
});

Deno.test("a request that waits for ARP is no failure", () => {
  const fixture = new ClientFixture();
  fixture.result = SendResult.PENDING;
  fixture.tick(0);
  assertEquals([fixture.client.sent, fixture.failures.length], [1, 0]);
});
