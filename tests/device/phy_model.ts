/** MDI control register (8255x manual §6.3.5). */
const READY = 1 << 28;
const COMMAND_BITS = 0x0fff_0000;

/** Status register of a PHY (IEEE 802.3 §22.2.4). */
const BMSR = 1;
const LINK_UP = 0x780d;
const LINK_DOWN = 0x7809;

/** The PHY of QEMU's 8255x at the other end of the management interface. */
export class PhyModel {
  address = 1;
  /** False: no transfer is ever done. */
  answers = true;
  #linkUp = true;
  #linkLost = false;

  /** Whether there's a link. That it was lost is told at the next read, whatever is so by then. */
  set linkUp(up: boolean) {
    this.#linkUp = up;
    if (!up) this.#linkLost = true;
  }

  /** What the control register reads as, after this was written to it. */
  transfer(command: number): number {
    if (!this.answers) return command;
    const address = command >>> 21 & 0x1f;
    const register = command >>> 16 & 0x1f;
    const status = this.#linkUp && !this.#linkLost ? LINK_UP : LINK_DOWN;
    const registers = [0x3000, status, 0x02a8, 0x0154];
    const data = address === this.address ? registers[register] ?? 0 : 0;
    if (register === BMSR) this.#linkLost = !this.#linkUp;
    return ((command & COMMAND_BITS) | data | READY) >>> 0;
  }
}
