import { assertEquals, assertMatch } from "@std/assert";
import { listenAbstract } from "../../drivers/ffi/unix_socket.ts";
import { NetworkNamespace, tapTest } from "../linux/network_namespace.ts";
import { Appliance, type CommandResult, runMain, uniqueHub } from "./appliance.ts";
import { TAP } from "./devices.ts";
import { pingSummary } from "./ping_summary.ts";

const IP = "--ip=10.0.2.15/24";

/** What a user may see of a failure: one line, and nothing of where in the code it was. */
function assertFails({ code, stdout, stderr }: CommandResult, expected: RegExp): void {
  assertEquals([code, stdout], [1, ""]);
  assertMatch(stderr, expected);
  assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
}

tapTest("a TAP interface that another process has: one line, status 1", async () => {
  using namespace = new NetworkNamespace();
  const within = namespace.prefix;
  await using appliance = new Appliance([`--device=tap:${TAP}`, IP], { within });
  await appliance.event("ready");
  const second = await runMain([`--device=tap:${TAP}`, IP], { within });
  assertFails(second, /^ukdeno: TAP interface tap0 is in use by another process: /);
  await appliance.stop();
});

tapTest("an interface that is no TAP: one line, status 1", async () => {
  using namespace = new NetworkNamespace();
  const within = namespace.prefix;
  assertFails(
    await runMain(["--device=tap:lo", IP], { within }),
    /^ukdeno: interface lo is no TAP interface/,
  );
});

tapTest("a user who may not make interfaces: one line says what to do, status 1", async () => {
  using namespace = new NetworkNamespace();
  const within = [...namespace.prefix, "setpriv", "--bounding-set=-net_admin"];
  assertFails(
    await runMain([`--device=tap:${TAP}`, IP], { within }),
    /^ukdeno: there is no interface tap0, and this user may not make one: .*ip tuntap add/,
  );
  await namespace.ip("tuntap", "add", "dev", TAP, "mode", "tap", "user", "1");
  assertFails(
    await runMain([`--device=tap:${TAP}`, IP], { within }),
    /^ukdeno: TAP interface tap0 belongs to another user: /,
  );
});

tapTest("an interface that its user owns needs no privilege", async () => {
  using namespace = new NetworkNamespace();
  await namespace.ip("tuntap", "add", "dev", TAP, "mode", "tap", "user", "0");
  await namespace.ip("link", "set", TAP, "up");
  await namespace.ip("addr", "add", "10.0.2.2/24", "dev", TAP);
  const within = [...namespace.prefix, "setpriv", "--bounding-set=-net_admin"];
  await using appliance = new Appliance([`--device=tap:${TAP}`, IP], { within });
  assertEquals((await appliance.event("device")).link, true);
  await appliance.event("ready");
  // All at once (-l), as ping waits for the last reply no longer than the interval between two.
  const output = await namespace.must("ping", "-c", "3", "-l", "3", "-i", "5", "10.0.2.15");
  assertEquals(pingSummary(output), { sent: 3, received: 3, trouble: [] });
  assertEquals((await appliance.stop()).status.code, 0);
});

tapTest("kill -9 leaves no interface that it made", async () => {
  using namespace = new NetworkNamespace();
  const within = namespace.prefix;
  await using appliance = new Appliance([`--device=tap:${TAP}`, IP], { within });
  await appliance.event("ready");
  appliance.kill("SIGKILL");
  await appliance.ended();
  assertEquals((await namespace.exec("ip", "link", "show", TAP)).code, 1);
});

Deno.test("a socket on which nobody listens: one line says what to do, status 1", async () => {
  for (const socket of [`@${uniqueHub()}`, "/tmp/ukdeno-test/no/such/socket"]) {
    assertFails(
      await runMain([`--device=stream:${socket}`, IP]),
      /^ukdeno: nobody listens on socket .*server=on$/m,
    );
  }
});

Deno.test("a socket that is there already: one line says what to do, status 1", async () => {
  const name = uniqueHub();
  using _listener = listenAbstract(name, 0);
  assertFails(
    await runMain([`--device=stream:@${name},server=on`, IP]),
    /^ukdeno: socket @.* is there already: take another name$/m,
  );
  const file = await Deno.makeTempFile({ dir: "/tmp", prefix: "ukdeno-test-" });
  assertFails(
    await runMain([`--device=stream:${file},server=on`, IP]),
    /^ukdeno: socket \/tmp\/.* is there already: remove the file/m,
  );
  await Deno.remove(file);
  assertFails(
    await runMain(["--device=stream:/tmp/ukdeno-test/no/such/socket,server=on", IP]),
    /^ukdeno: socket \/tmp\/.*: bind: No such file or directory$/m,
  );
});
