import { Eventfd } from "../../ffi/eventfd.ts";
import type { FdWaiter } from "../../ffi/fd_waiter.ts";
import type { UnixSocket } from "../../ffi/unix_socket.ts";
import { EventfdIrqLine } from "../eventfd_irq_line.ts";
import { MsixTable } from "../msix_table.ts";
import type { PciDevice } from "../pci_device.ts";
import type { Doorbell, IrqLine } from "../pci_host.ts";
import { doorbellValue, introduce } from "./ivshmem_server.ts";
import { QemuError } from "./qemu_error.ts";

/** PCI ids of QEMU's ivshmem devices (docs/specs/ivshmem-spec.rst). */
export const IVSHMEM_VENDOR_ID = 0x1af4;
export const IVSHMEM_DEVICE_ID = 0x1110;

/** Vectors each way, unless more are asked for: as many interrupt lines, and as many doorbells. */
export const IVSHMEM_VECTORS = 8;

/** BAR 0: our number, and the register that rings another peer's doorbell. */
const REGISTER_BAR = 0;
const IV_POSITION = 8;
const DOORBELL = 12;

/** Rounds of asking whether QEMU has taken the eventfds up: each is a round trip of some 20 µs. */
const TAKE_UP_ROUNDS = 50_000;

/**
 * Interrupts and doorbells without a text protocol between them, by QEMU's ivshmem-doorbell device:
 * what the device model offers to virtual machines for ringing each other serves a process as well.
 *
 * - An interrupt: the MSI-X message of the NIC is a store into the ivshmem doorbell register, which
 *   makes QEMU signal one of our eventfds.
 * - A doorbell: one of our eventfds makes the ivshmem device send an MSI-X message, and that message
 *   is a store into the NIC's notification register.
 */
export class IvshmemBridge implements Disposable {
  readonly #waiter: FdWaiter;
  readonly #flush: () => void;
  /** Vectors each way. */
  readonly vectors: number;
  readonly #interrupts: readonly Eventfd[];
  readonly #doorbells: readonly Eventfd[];
  #registerAddress = 0;
  #messages: MsixTable | null = null;
  /** Who has which vector: places in the two lists of eventfds. */
  readonly #lines: (EventfdIrqLine | null)[];
  readonly #bells: (Doorbell | null)[];

  /**
   * Leaves the introduction in the socket for a QEMU that is started afterwards. `flush` waits for
   * the writes to registers that are under way: a doorbell must not overtake them.
   */
  constructor(
    server: UnixSocket,
    waiter: FdWaiter,
    flush: () => void,
    vectors: number = IVSHMEM_VECTORS,
  ) {
    this.#waiter = waiter;
    this.#flush = flush;
    this.vectors = vectors;
    this.#interrupts = makeEventfds(vectors);
    this.#doorbells = makeEventfds(vectors);
    this.#lines = new Array<EventfdIrqLine | null>(vectors).fill(null);
    this.#bells = new Array<Doorbell | null>(vectors).fill(null);
    introduce(server, this.#interrupts, this.#doorbells);
  }

  /** Takes the ivshmem device up. `QemuError` when it doesn't ring. */
  attach(device: PciDevice): void {
    device.requestRegions("ivshmem bridge");
    device.enable();
    device.setMaster();
    this.#registerAddress = device.bar(REGISTER_BAR).address + DOORBELL;
    this.#messages = new MsixTable(device);
    this.#messages.enable();
    this.#awaitTakeUp(device);
  }

  /** The address and data of an MSI-X message that interrupts us, and the line on which it does. */
  interrupt(): { readonly address: number; readonly data: number; readonly line: IrqLine } {
    const vector = this.#lines.indexOf(null);
    if (vector < 0) {
      throw new QemuError(`no interrupt line is left: the bridge has ${this.vectors}`);
    }
    const line = new EventfdIrqLine(this.#interrupts[vector], this.#waiter);
    this.#lines[vector] = line;
    return { address: this.#registerAddress, data: doorbellValue(vector), line };
  }

  /** Takes an interrupt line back, for the next one who asks. */
  releaseLine(line: IrqLine): void {
    line.disconnect();
    const vector = this.#lines.findIndex((taken) => taken === line);
    if (vector >= 0) this.#lines[vector] = null;
  }

  /** Whether there's a doorbell left. */
  get hasDoorbell(): boolean {
    return this.#messages !== null && this.#bells.includes(null);
  }

  /** A doorbell that stores `value` to a guest-physical address. */
  doorbell(address: number, value: number): Doorbell {
    const vector = this.#bells.indexOf(null);
    if (this.#messages === null || vector < 0) {
      throw new QemuError(`no doorbell is left: the bridge has ${this.vectors}`);
    }
    this.#messages.set(vector, address, value);
    const event = this.#doorbells[vector];
    const doorbell: Doorbell = {
      ring: () => {
        this.#flush();
        event.signal();
      },
    };
    this.#bells[vector] = doorbell;
    return doorbell;
  }

  /** Takes a doorbell back, for the next one who asks. */
  releaseDoorbell(doorbell: Doorbell): void {
    const vector = this.#bells.indexOf(doorbell);
    if (vector >= 0) this.#bells[vector] = null;
  }

  [Symbol.dispose](): void {
    for (const line of this.#lines) line?.disconnect();
    for (const event of [...this.#interrupts, ...this.#doorbells]) event[Symbol.dispose]();
  }

  /**
   * QEMU reads the introduction in its own time. The eventfd that it reads last rings once it's
   * through, so all of them work then.
   */
  #awaitTakeUp(device: PciDevice): void {
    const registers = device.mapBar(REGISTER_BAR);
    const last = this.vectors - 1;
    for (let round = 0; round < TAKE_UP_ROUNDS; round++) {
      registers.write32(DOORBELL, doorbellValue(last));
      // The write is posted: it's done when a read returns.
      registers.read32(IV_POSITION);
      if (this.#interrupts[last].drain()) return;
    }
    throw new QemuError("QEMU's ivshmem device does not take up its eventfds");
  }
}

function makeEventfds(count: number): Eventfd[] {
  return Array.from({ length: count }, () => new Eventfd());
}
