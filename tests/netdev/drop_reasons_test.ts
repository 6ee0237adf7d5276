import { assert, assertEquals, assertThrows } from "@std/assert";
import {
  declareDropReasons,
  dropCounters,
  dropReason,
  dropReasons,
} from "../../netdev/drop_reasons.ts";
import { NetdevError } from "../../netdev/netdev_error.ts";

declareDropReasons("a test", {
  test_crooked: "that stood askew",
  test_unwanted: "that nobody wanted",
}, ["test_crooked"]);

Deno.test("a reason is found by its name, with its layer and what it means", () => {
  assertEquals(dropReason("test_crooked"), {
    name: "test_crooked",
    layer: "a test",
    meaning: "that stood askew",
    isError: true,
  });
  assertEquals(dropReason("test_unwanted").isError, false);
});

Deno.test("the list has netdev's own reasons first, and then each layer's in order", () => {
  const all = dropReasons();
  assertEquals([all[0].layer, all[0].name], ["netdev", "rx_too_short"]);
  assertEquals(all.filter(({ layer }) => layer === "a test").map(({ name }) => name), [
    "test_crooked",
    "test_unwanted",
  ]);
  for (const { name, meaning } of all) assert(meaning.length > 0, name);
});

Deno.test("a name is declared once, whoever declares it, and nothing of a refused list stays", () => {
  const error = assertThrows(
    () => declareDropReasons("another", { test_new: "of late", rx_too_long: "again" }),
    NetdevError,
    'drop reason "rx_too_long" of another: netdev has one of that name',
  );
  assertEquals(error.code, "EBUSY");
  assertThrows(() => dropReason("test_new"), NetdevError);
});

Deno.test("what is no name is refused", () => {
  for (const name of ["", "Rx", "rx-short", "rx short", "1rx"]) {
    assertThrows(() => declareDropReasons("another", { [name]: "odd" }), NetdevError, `"${name}"`);
  }
});

Deno.test("counters begin at 0, count by adding 1, and exist for declared reasons only", () => {
  const drops = dropCounters("rx_too_long", "test_crooked");
  assertEquals(drops, { rx_too_long: 0, test_crooked: 0 });
  drops.rx_too_long++;
  drops.rx_too_long++;
  assertEquals(drops, { rx_too_long: 2, test_crooked: 0 });
  assertEquals(dropCounters("rx_too_long"), { rx_too_long: 0 });
  assertThrows(() => dropCounters("rx_too_lnog"), NetdevError, '"rx_too_lnog" is not declared');
});
