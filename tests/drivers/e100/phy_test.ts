import { assertEquals, assertThrows } from "@std/assert";
import { E100Error } from "../../../drivers/e100/e100_error.ts";
import { findPhy, readLink } from "../../../drivers/e100/phy.ts";
import { E100Model } from "../../device/e100_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";

for (const address of [1, 0, 17, 31]) {
  Deno.test(`a PHY at address ${address} is found, and identified`, () => {
    const model = new E100Model();
    model.phy.address = address;
    assertEquals(findPhy(model, new FakeClock()), { address, id: 0x02a8_0154 });
  });
}

Deno.test("no PHY is an error", () => {
  const model = new E100Model();
  model.phy.address = 32;
  assertThrows(() => findPhy(model, new FakeClock()), E100Error, "no PHY");
});

Deno.test("the link is read, up and down", () => {
  const model = new E100Model();
  const phy = findPhy(model, new FakeClock());
  assertEquals(readLink(model, new FakeClock(), phy), true);
  model.phy.linkUp = false;
  assertEquals(readLink(model, new FakeClock(), phy), false);
  model.phy.linkUp = true;
  assertEquals(readLink(model, new FakeClock(), phy), true, "the loss was before");
});

Deno.test("a PHY that is never done ends in an error, and not in a loop", () => {
  const model = new E100Model();
  model.phy.answers = false;
  assertThrows(() => findPhy(model, new FakeClock(0, 0.1)), E100Error, "not read in time");
  model.gone = true;
  assertThrows(() => findPhy(model, new FakeClock(0, 0.1)), E100Error, "not read in time");
});
