import { assertEquals, assertMatch } from "@std/assert";
import { dropReason, dropReasons } from "../../netdev/drop_reasons.ts";
import { DROP_REASON_NAMES, DropReason } from "../../stack/drop_reason.ts";

Deno.test("the values of the reasons count up from 0, so that names and counters line up", () => {
  assertEquals(Object.values<number>(DropReason), DROP_REASON_NAMES.map((_, i) => i));
});

Deno.test("the name of a reason is its key in lower case", () => {
  assertEquals(DROP_REASON_NAMES[DropReason.IPV4_FRAGMENT], "ipv4_fragment");
  for (const name of DROP_REASON_NAMES) assertMatch(name, /^[a-z0-9_]+$/);
});

Deno.test("each reason is declared with what it means, in the order of the values", () => {
  const declared = dropReasons().filter(({ layer }) => layer === "stack");
  assertEquals(declared.map(({ name }) => name), [...DROP_REASON_NAMES]);
  for (const { name, meaning } of declared) {
    assertMatch(meaning, /^[a-z].*[^.]$/, `${name}: a phrase, not a sentence`);
  }
});

Deno.test("what is malformed is an error, what is not for us is none", () => {
  assertEquals(dropReason("ipv4_bad_checksum").isError, true);
  assertEquals(dropReason("ipv4_other_destination").isError, false);
});
