/** What became of a frame that a protocol was given, as XDP has it. */
export const Verdict = {
  /** Nobody wants it, and a counter says why; the caller still owns the netbuf and frees it. */
  DROP: 0,
  /** The netbuf now holds the answer, which the caller sends out of the device it came from. */
  REPLY: 1,
  /** The stack has taken the netbuf, or has freed it already. */
  CONSUMED: 2,
} as const;

/** One of the values of {@link Verdict}. */
export type Verdict = typeof Verdict[keyof typeof Verdict];
