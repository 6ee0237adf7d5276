import type { Clock } from "../../netdev/clock.ts";
import type { RegisterWindow } from "../pci/register_window.ts";
import { E100Error } from "./e100_error.ts";
import { CSR_MDI } from "./registers.ts";

/** MDI control register (8255x manual §6.3.5): data in bits 15:0. */
const MDI_REGISTER_SHIFT = 16;
const MDI_PHY_SHIFT = 21;
const MDI_READ = 2 << 26;
const MDI_READY = 1 << 28;
const ALL_ONES = 0xffff_ffff;

/** A transfer takes 64 µs. */
const MDI_TIMEOUT_MS = 10;

/** Management registers of a PHY (IEEE 802.3 §22.2.4). */
const BMCR = 0;
const BMSR = 1;
const PHYSID1 = 2;
const PHYSID2 = 3;
const BMSR_LINK = 0x0004;

/** Where a PHY is looked for: at 1, where Intel's cards have it, and then everywhere else. */
const PHY_ADDRESSES = [1, 0, ...Array.from({ length: 30 }, (_, i) => i + 2)];

/** What was found at the other end of the management interface. */
export interface Phy {
  /** Its address there, 0 to 31. */
  readonly address: number;
  /** Its identifier: both registers, the first one above. */
  readonly id: number;
}

/** Reads a register of a PHY. `E100Error` when that isn't done in time. */
export function readMdi(
  csr: RegisterWindow,
  clock: Clock,
  address: number,
  register: number,
): number {
  csr.write32(CSR_MDI, MDI_READ | address << MDI_PHY_SHIFT | register << MDI_REGISTER_SHIFT);
  const deadline = clock.now() + MDI_TIMEOUT_MS;
  for (;;) {
    const value = csr.read32(CSR_MDI);
    if (value !== ALL_ONES && (value & MDI_READY) !== 0) return value & 0xffff;
    if (clock.now() > deadline) {
      throw new E100Error(`register ${register} of PHY ${address} is not read in time`);
    }
  }
}

/** Looks for the PHY. `E100Error` when there is none. */
export function findPhy(csr: RegisterWindow, clock: Clock): Phy {
  for (const address of PHY_ADDRESSES) {
    const control = readMdi(csr, clock, address, BMCR);
    // Nobody drives the wire at an address without a PHY: all ones, or what a register was left at.
    if (control === 0xffff) continue;
    if (control === 0 && readMdi(csr, clock, address, BMSR) === 0) continue;
    const id = readMdi(csr, clock, address, PHYSID1) * 0x1_0000 +
      readMdi(csr, clock, address, PHYSID2);
    return { address, id };
  }
  throw new E100Error("there is no PHY");
}

/** Whether the PHY sees a link now. A loss stays in the register until it's read: so twice. */
export function readLink(csr: RegisterWindow, clock: Clock, { address }: Phy): boolean {
  readMdi(csr, clock, address, BMSR);
  return (readMdi(csr, clock, address, BMSR) & BMSR_LINK) !== 0;
}
