import type { Clock } from "../../netdev/clock.ts";
import type { DmaRegion } from "../../netdev/dma_region.ts";
import type { RegisterWindow } from "../pci/register_window.ts";
import { E100Error } from "./e100_error.ts";
import { pause } from "./pause.ts";
import {
  CSR_PORT,
  PORT_SELECTIVE_RESET,
  PORT_SELF_TEST,
  PORT_SOFTWARE_RESET,
  SCB_STATUS,
} from "./registers.ts";

/*
 * The PORT interface (8255x manual §6.3.3): what works even when the controller does nothing else.
 */

/** §6.3.3.1: a reset takes 10 µs. */
const RESET_PAUSE_US = 20;

/** The area of a self-test: signature and result, 32 bits each, on a multiple of 16. */
export const SELF_TEST_BYTES = 16;
const RESULT_OFFSET = 4;
const UNTOUCHED = 0xffff_ffff;
const SELF_TEST_TIMEOUT_MS = 10;

/**
 * Resets the controller: first selectively, which ends what it does on the bus, then all of it
 * (§6.3.3.3). It owns no memory any more afterwards, and its interrupts are not masked.
 */
export function softwareReset(csr: RegisterWindow, clock: Clock): void {
  writePort(csr, PORT_SELECTIVE_RESET);
  pause(clock, RESET_PAUSE_US);
  writePort(csr, PORT_SOFTWARE_RESET);
  pause(clock, RESET_PAUSE_US);
}

/**
 * Has the controller test itself (§6.3.3.2). It writes its signature, which is not 0, and a result,
 * which is 0 when all is well, to the {@link SELF_TEST_BYTES} at `offset`. `E100Error` otherwise, or
 * when nothing comes within 10 ms.
 */
export function selfTest(
  csr: RegisterWindow,
  region: DmaRegion,
  offset: number,
  clock: Clock,
): void {
  const signature = offset >>> 2;
  const result = (offset + RESULT_OFFSET) >>> 2;
  region.u32[signature] = 0;
  Atomics.store(region.u32, result, UNTOUCHED);
  writePort(csr, region.deviceAddress(offset) + PORT_SELF_TEST);
  const deadline = clock.now() + SELF_TEST_TIMEOUT_MS;
  while (Atomics.load(region.u32, signature) === 0) {
    if (clock.now() > deadline) {
      throw new E100Error(`no result of the self-test after ${SELF_TEST_TIMEOUT_MS} ms`);
    }
  }
  pause(clock, RESET_PAUSE_US);
  const failed = Atomics.load(region.u32, result);
  if (failed !== 0) throw new E100Error(`the self-test failed with 0x${failed.toString(16)}`);
}

/** A write may stay on its way for a while; the read behind it comes after it (PCI 3.0 §3.2.5). */
function writePort(csr: RegisterWindow, value: number): void {
  csr.write32(CSR_PORT, value);
  csr.read8(SCB_STATUS);
}
