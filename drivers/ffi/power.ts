import { check } from "./errno.ts";
import { libc } from "./libc.ts";

/** linux/reboot.h. */
const RB_AUTOBOOT = 0x0123_4567;
const RB_POWER_OFF = 0x4321_fedc;

/** Switches the machine off, at once: what isn't written is lost. `ErrnoError` EPERM for who may not. */
export function powerOff(): void {
  check("reboot", libc.reboot(RB_POWER_OFF));
}

/** Starts the machine anew, at once. `ErrnoError` EPERM for who may not. */
export function restart(): void {
  check("reboot", libc.reboot(RB_AUTOBOOT));
}
