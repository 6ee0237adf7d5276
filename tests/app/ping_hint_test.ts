import { assertEquals } from "@std/assert";
import { pingHint } from "../../app/ping_hint.ts";
import { parseServe } from "../../app/serve_options.ts";

function hint(...args: string[]): string | null {
  return pingHint(parseServe(args).devices[0]);
}

Deno.test("what is ping's default is left out", () => {
  assertEquals(hint(), "deno task ping");
  assertEquals(hint("--hub=mine"), "deno task ping --hub=mine");
  assertEquals(hint("--ip=10.0.2.20/24"), "deno task ping 10.0.2.20");
});

Deno.test("off ping's subnet, or at its address, another address of ours is named", () => {
  assertEquals(hint("--ip=192.0.2.7/24"), "deno task ping --ip=192.0.2.8/24 192.0.2.7");
  assertEquals(hint("--ip=192.0.2.254/24"), "deno task ping --ip=192.0.2.253/24 192.0.2.254");
  assertEquals(hint("--ip=10.0.2.100/24"), "deno task ping --ip=10.0.2.101/24 10.0.2.100");
  assertEquals(hint("--ip=10.0.2.15/16"), "deno task ping --ip=10.0.2.16/16");
  assertEquals(hint("--ip=192.0.2.6/31"), "deno task ping --ip=192.0.2.7/31 192.0.2.6");
});

Deno.test("beside a range, the pinger is the next host that isn't in it", () => {
  const tap = "--device=tap:tap0";
  assertEquals(
    hint(tap, "--ip=10.9.0.0-10.9.255.255"),
    "ip addr add 10.10.0.0/14 dev tap0 && ping 10.9.0.0",
  );
  assertEquals(
    hint(tap, "--ip=192.0.2.7/24,192.0.2.8/24,192.0.2.9-192.0.2.254/24"),
    "ip addr add 192.0.2.6/24 dev tap0 && ping 192.0.2.7",
  );
  assertEquals(hint(tap, "--ip=10.9.0.0-10.9.255.255/16"), null);
  assertEquals(
    hint("--ip=10.0.2.15-10.0.2.100/24"),
    "deno task ping --ip=10.0.2.101/24",
  );
});

Deno.test("each device is pinged in its own way", () => {
  assertEquals(
    hint("--device=tap:tap0", "--ip=192.0.2.2/24"),
    "ip addr add 192.0.2.3/24 dev tap0 && ping 192.0.2.2",
  );
  assertEquals(
    hint("--device=stream:@n,server=on", "--ip=192.0.2.2/24"),
    "deno task ping --device=stream:@n --ip=192.0.2.3/24 192.0.2.2",
  );
});

Deno.test("where nobody is known to ping from, there's no hint", () => {
  assertEquals(hint("--ip=192.0.2.2/32"), null);
  assertEquals(hint("--device=stream:@n", "--ip=192.0.2.2/24"), null);
  assertEquals(hint("--device=vhost-user:@n", "--ip=192.0.2.2/24"), null);
});

Deno.test("without a hub there's nothing for ping to join", () => {
  assertEquals(hint("--queues=2", "--netdev=tap,ifname=t", "--ip=192.0.2.2/24"), null);
});
