import { assertEquals, assertThrows } from "@std/assert";
import { NetdevError } from "../../netdev/netdev_error.ts";

/** The call throws a `NetdevError` of this code, whose message has this in it. */
export function refuses(code: string, message: string, call: () => void): void {
  const error = assertThrows(call, NetdevError, message);
  assertEquals(error.code, code);
}

/** The same, whatever its message is. */
export function assertRefused(code: string, call: () => void): void {
  refuses(code, "", call);
}
