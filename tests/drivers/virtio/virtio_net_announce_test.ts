import { assert, assertEquals } from "@std/assert";
import { CONTROL_FEATURES } from "../../device/virtio_net_model.ts";
import { NetLink } from "./net_link.ts";

Deno.test("a device that asks for an announcement: told once, and acknowledged", () => {
  const link = new NetLink({ more: CONTROL_FEATURES });
  link.model.askForAnnouncement();
  assertEquals(link.events, ["announce"]);
  assertEquals(link.model.control.commands.at(-1), "3.0");
  assertEquals(link.model.asksForAnnouncement, false);
  link.model.configChanged();
  link.model.setLink(false);
  assertEquals(link.events, ["announce", "link down"]);
});

Deno.test("an announcement asked for before the start, or over a reset, is heard at the start", () => {
  const link = new NetLink({ more: CONTROL_FEATURES });
  link.netdev.stop();
  link.model.askForAnnouncement();
  assertEquals(link.events, []);
  link.netdev.start();
  assertEquals(link.events, ["announce"]);
  assertEquals(link.model.asksForAnnouncement, false);
});

Deno.test("an acknowledgement that is refused is no failure; one without an answer is", () => {
  const link = new NetLink({ more: CONTROL_FEATURES });
  link.model.control.script = { answer: () => 1 };
  link.model.askForAnnouncement();
  assertEquals(link.events, ["announce"]);
  link.model.control.script = { answer: () => "silence" };
  link.model.askForAnnouncement();
  assertEquals(link.events.length, 3);
  assert(link.events[2].includes("did not answer control command 3.0"));
});
