/** Whether an index that moved from `before` to `now` passed `event` (§2.7.10, vring_need_event). */
export function passedEvent(event: number, now: number, before: number): boolean {
  // All of it modulo 2^16: `now - 1` is the last entry that was added.
  return ((now - event - 1) & 0xffff) < ((now - before) & 0xffff);
}
