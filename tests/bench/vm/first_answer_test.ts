import { assertEquals } from "@std/assert";
import { isReply } from "../../../bench/vm/first_answer.ts";
import { arpReplyFromHost, echoFrame, echoReplyFromHost } from "../../stack/frames.ts";

Deno.test("an answer is an echo reply of the guest's card, and nothing else", () => {
  assertEquals(isReply(echoReplyFromHost()), true);
  assertEquals(isReply(echoReplyFromHost({ source: "02:00:00:00:00:01" })), false);
  assertEquals(isReply(echoFrame()), false);
  assertEquals(isReply(arpReplyFromHost()), false);
  assertEquals(isReply(echoReplyFromHost().subarray(0, 34)), false);
});
