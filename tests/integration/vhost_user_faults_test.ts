import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import type { FaultName } from "../device/vhost_user/faults.ts";
import { FaultyBackEnd } from "../device/vhost_user/faulty_process.ts";
import { Appliance, runMain } from "./appliance.ts";

/** What is the matter, in the line with which the appliance ends. */
const USELESS: readonly (readonly [FaultName, string])[] = [
  ["garbage", "GET_FEATURES"],
  ["half", "does not answer GET_FEATURES"],
  ["silent", "does not answer GET_FEATURES"],
  ["descriptor", "descriptors that nobody asked for"],
  ["leaves", "hung up"],
  ["refuses-memory", "refuses SET_MEM_TABLE"],
];

/** With these there's nothing to see but that nobody says anything. */
const DEAF: readonly FaultName[] = ["unmapped", "unserved", "no-base"];

function flags(backEnd: FaultyBackEnd): string[] {
  return [`--device=vhost-user:${backEnd.socket}`, "--ip=10.9.0.1/24"];
}

for (const [fault, told] of USELESS) {
  Deno.test(`vhost-user: a back-end with the fault "${fault}" ends in one line`, async () => {
    await using backEnd = await FaultyBackEnd.start(fault);
    const { code, stderr } = await runMain(["serve", ...flags(backEnd)]);
    assertEquals(code, 1, stderr);
    assertStringIncludes(stderr, told);
    assertStringIncludes(stderr, backEnd.socket);
    assertEquals(stderr.trimEnd().split("\n").length, 1, stderr);
  });
}

for (const fault of DEAF) {
  Deno.test(`vhost-user: with the fault "${fault}" the appliance waits, and stops`, async () => {
    await using backEnd = await FaultyBackEnd.start(fault);
    await using appliance = new Appliance(flags(backEnd));
    await appliance.event("ready");
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
    assert((await appliance.event("stopped")) !== null);
  });
}
