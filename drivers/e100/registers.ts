/*
 * Control/status registers of the 8255x, as "Intel 8255x 10/100 Mbps Ethernet Controller Family, Open
 * Source Software Developer Manual" tells of them: byte offsets into BAR 0 (memory) and BAR 1 (I/O).
 * Multi-byte registers are little-endian.
 */

/** System control block (§6.3.2): three bytes of it and the interrupt mask are one word of 32 bits. */
export const SCB_STATUS = 0x00; // 8
export const SCB_STAT_ACK = 0x01; // 8
export const SCB_COMMAND = 0x02; // 8
export const SCB_INTERRUPT_MASK = 0x03; // 8
export const SCB_GENERAL_POINTER = 0x04; // 32

/** The PORT interface (§6.3.3). */
export const CSR_PORT = 0x08; // 32
/** EEPROM control register (§6.3.4). */
export const CSR_EEPROM = 0x0e; // 16
/** MDI control register (§6.3.5). */
export const CSR_MDI = 0x10; // 32

/** Bytes of registers that are used, on each chip of the family. */
export const CSR_BYTES = 0x14;

/** SCB status byte: what the receive unit does (RUS, bits 5:2). */
export const RUS_MASK = 0x3c;
export const RUS_READY = 4 << 2;

/** STAT/ACK byte: causes of an interrupt, cleared by writing 1. */
export const STAT_ACK_CX = 0x80;
export const STAT_ACK_FR = 0x40;
export const STAT_ACK_CNA = 0x20;
export const STAT_ACK_RNR = 0x10;
export const STAT_ACK_MDI = 0x08;
/** Read when the interrupt on a shared line is another's, and when nothing is there any more. */
export const STAT_ACK_NOT_OURS = 0x00;
export const STAT_ACK_NOT_PRESENT = 0xff;

/** Interrupt mask byte: all of them; and since the 82558 each cause that no driver here waits for. */
export const MASK_ALL = 0x01;
export const MASK_CX = 0x80;
export const MASK_CNA = 0x20;
export const MASK_ER = 0x08;
export const MASK_FCP = 0x04;

/** Commands for the command unit: the upper half of the SCB command byte. */
export const CUC_START = 0x10;
export const CUC_RESUME = 0x20;
export const CUC_LOAD_DUMP_COUNTERS_ADDRESS = 0x40;
export const CUC_DUMP_COUNTERS = 0x50;
export const CUC_LOAD_BASE = 0x60;

/** Commands for the receive unit: the lower half. */
export const RUC_START = 0x01;
export const RUC_LOAD_BASE = 0x06;

/** What PORT is told: the upper 28 bits are an address where one is needed. */
export const PORT_SOFTWARE_RESET = 0;
export const PORT_SELF_TEST = 1;
export const PORT_SELECTIVE_RESET = 2;
