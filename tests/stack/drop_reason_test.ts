import { assertEquals, assertMatch } from "@std/assert";
import { DROP_REASON_NAMES, DropReason } from "../../stack/drop_reason.ts";

Deno.test("the values of the reasons count up from 0, so that names and counters line up", () => {
  assertEquals(Object.values<number>(DropReason), DROP_REASON_NAMES.map((_, i) => i));
});

Deno.test("the name of a reason is its key in lower case", () => {
  assertEquals(DROP_REASON_NAMES[DropReason.IPV4_FRAGMENT], "ipv4_fragment");
  for (const name of DROP_REASON_NAMES) assertMatch(name, /^[a-z0-9_]+$/);
});
