import type { HostObserver } from "../../stack/mod.ts";

/** Whom a host may tell anything. */
export const QUIET: HostObserver = {
  firstArp(): void {},
  firstEchoRequest(): void {},
  echoReply(): void {},
  resolutionFailed(): void {},
  addressConflict(): void {},
};
