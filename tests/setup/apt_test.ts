import { assertEquals } from "@std/assert";
import {
  type AptGet,
  type AptResult,
  installCommand,
  installPackages,
} from "../../app/setup/apt.ts";

const LISTS_LOCKED: AptResult = {
  code: 100,
  messages: "E: Could not get lock /var/lib/apt/lists/lock. It is held by process 1 (apt)",
};

/** An apt-get that gives these results in turn and keeps what it was asked. */
function fakeAptGet(...results: AptResult[]): { calls: string[]; aptGet: AptGet } {
  const calls: string[] = [];
  const aptGet: AptGet = (args) => {
    const result = results[calls.length];
    calls.push(args.join(" "));
    return result ? Promise.resolve(result) : Promise.reject(new Error("called too often"));
  };
  return { calls, aptGet };
}

const OK: AptResult = { code: 0, messages: "" };
const UPDATE = "-qq update";
const INSTALL =
  "-o DPkg::Lock::Timeout=120 install --yes --no-install-recommends --no-remove tshark arping";

Deno.test("the command for a person updates, then installs every package", () => {
  assertEquals(
    installCommand(["tshark", "arping"]),
    "sudo apt-get update && " +
      "sudo apt-get install --yes --no-install-recommends tshark arping",
  );
});

Deno.test("packages are installed after an update of the lists", async () => {
  const { calls, aptGet } = fakeAptGet(OK, OK);
  assertEquals(await installPackages(["tshark", "arping"], aptGet), undefined);
  assertEquals(calls, [UPDATE, INSTALL]);
});

Deno.test("a failed update is no failure when the packages are there", async () => {
  const { calls, aptGet } = fakeAptGet({ code: 100, messages: "E: no network" }, OK);
  assertEquals(await installPackages(["tshark", "arping"], aptGet), undefined);
  assertEquals(calls, [UPDATE, INSTALL]);
});

Deno.test("a failed install shows the warnings of the update and its own messages", async () => {
  const { aptGet } = fakeAptGet(
    { code: 0, messages: "W: Failed to fetch\n" },
    { code: 100, messages: "E: Unable to locate package tshark\n" },
  );
  assertEquals(
    await installPackages(["tshark"], aptGet),
    "W: Failed to fetch\nE: Unable to locate package tshark",
  );
});

Deno.test("of long messages only the last lines are shown", async () => {
  const lines = Array.from({ length: 20 }, (_, i) => `line ${i}`);
  const { aptGet } = fakeAptGet(OK, { code: 100, messages: lines.join("\n") + "\n" });
  assertEquals(await installPackages(["tshark"], aptGet), lines.slice(-8).join("\n"));
});

Deno.test("while another apt holds the package lists, the update is tried again", async () => {
  const { calls, aptGet } = fakeAptGet(LISTS_LOCKED, LISTS_LOCKED, OK, OK);
  assertEquals(await installPackages(["tshark", "arping"], aptGet, 0), undefined);
  assertEquals(calls, [UPDATE, UPDATE, UPDATE, INSTALL]);
});

Deno.test("the wait for the package lists ends", async () => {
  let updates = 0;
  const aptGet: AptGet = (args) => {
    if (!args.includes("update")) return Promise.resolve(OK);
    updates++;
    return Promise.resolve(LISTS_LOCKED);
  };
  assertEquals(await installPackages(["tshark"], aptGet, 0), undefined);
  assertEquals(updates, 60);
});
