/** What became of a packet that the stack was to send. */
export const SendResult = {
  /** Handed to the device. */
  SENT: 0,
  /** Kept until its next hop has answered ARP. */
  PENDING: 1,
  /** No host has the destination, or it is off the subnet and there is no gateway. */
  NO_ROUTE: 2,
  /** No netbuf is free, or no place to keep it while its next hop is asked for. */
  NO_BUFFER: 3,
  /** Larger than the MTU, or its headers than a netbuf. */
  TOO_BIG: 4,
} as const;

/** One of the values of {@link SendResult}. */
export type SendResult = typeof SendResult[keyof typeof SendResult];
