import type { Netbuf } from "../netdev/netbuf.ts";

/** How the stack sends frames that answer none. */
export interface FrameOutput {
  /**
   * An empty netbuf that the stack owns, its `data` at 2 mod 4 and room for a frame behind it, or
   * for the first piece of one; null when there is none.
   */
  alloc(): Netbuf | null;
  /** Takes over a netbuf or a chain that holds a whole frame, to send it or, failing that, to free it. */
  send(netbuf: Netbuf): void;
  /**
   * Whether the device completes checksums now (NETDEV_F_PARTIAL_CSUM), which may change with the
   * device; not, where it isn't said.
   */
  readonly completesChecksums?: boolean;
}
