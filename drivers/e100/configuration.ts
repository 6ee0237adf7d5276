/*
 * The configure command (8255x manual §6.4.2.3): 22 bytes by which the controller is told how to work.
 */

/** What the driver may want otherwise. */
export interface Configuration {
  /** Whether frames for other stations are received. */
  readonly promiscuous: boolean;
}

const CONFIGURATION_BYTES = 22;

/** Byte 15. */
const PROMISCUOUS = 0x01;

/**
 * The bytes, with the manual's defaults where nothing speaks against them. Frames come without their
 * checksum, bad and short ones don't come at all, and counters and command blocks are those of the
 * 82557, which the whole family has.
 */
export function configurationBytes({ promiscuous }: Configuration): Uint8Array {
  return Uint8Array.of(
    CONFIGURATION_BYTES,
    0x08, // 1: receive FIFO limit 8, transmit FIFO limit 0
    0x00, // 2: no adaptive inter-frame spacing
    0x00, // 3: plain PCI reads and writes
    0x00, // 4: no limit to a receive DMA burst
    0x00, // 5: nor to a transmit one
    0x32, // 6: standard command blocks and counters; direct receive DMA; bad frames are not saved
    0x03, // 7: short frames are discarded; one retry after an underrun
    0x01, // 8: MII
    0x00, // 9: no checksum or VLAN offload
    0x2e, // 10: 7 bytes of preamble; the source address is the frame's own
    0x00, // 11: linear priority 0
    0x60, // 12: inter-frame spacing of 96 bit times
    0x00, // 13, 14: address of the ARP filter, which is off
    0xf2,
    0x48 | (promiscuous ? PROMISCUOUS : 0), // 15: broadcasts are received
    0x00, // 16, 17: flow control delay
    0x40,
    0xf2, // 18: short frames are padded when sent; the checksum is not delivered; no frames above 1518
    0x80, // 19: full duplex by what the PHY found
    0x3f, // 20: priority field of flow control; one address
    0x05, // 21: multicasts by their list
  );
}
