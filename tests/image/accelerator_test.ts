import { assert, assertEquals } from "@std/assert";
import { findAccelerator, whyNot } from "../../image/accelerator.ts";

Deno.test("what translates the guest's instructions runs a guest that comes to 64-bit mode", async () => {
  assertEquals(await whyNot("tcg", 30_000), null);
});

Deno.test("an accelerator that runs nothing in time is of no use", async () => {
  assertEquals(await whyNot("tcg", 0), "it ran no guest within 0 s");
});

Deno.test("KVM is taken when it runs a guest, and else there's one line that says why not", async () => {
  const { accelerator, reason } = await findAccelerator();
  assertEquals(accelerator, reason === null ? "kvm" : "tcg");
  assert(reason === null || (reason !== "" && !reason.includes("\n")), reason ?? "");
});
