import type { VirtqueueAddresses } from "../../drivers/virtio/virtio_transport.ts";
import { FakePciFunction } from "./fake_pci_function.ts";
import type { FakePciHost } from "./fake_pci_host.ts";
import type { RecordedWindow, Registers, Width } from "./recorded_window.ts";
import type { VirtioModel } from "./virtio_model.ts";
import { VirtioPciInterruptsModel } from "./virtio_pci_interrupts_model.ts";

/** Where the structures lie in BAR 4; QEMU's places. */
const BAR = 4;
const BAR_BYTES = 0x4000;
const ISR = 0x1000;
const DEVICE = 0x2000;
const NOTIFY = 0x3000;

/** Each queue is notified at a register of its own, in reverse to tell them apart. */
export const NOTIFY_MULTIPLIER = 4;
const NOTIFY_OFF: readonly number[] = [1, 0, 3, 2, 5, 4, 7, 6, 8];

/** Structure types (virtio 1.2 §4.1.4). */
export const COMMON_CFG = 1;
export const NOTIFY_CFG = 2;
export const ISR_CFG = 3;
export const DEVICE_CFG = 4;

const CAP_ID_VENDOR = 9;

/** struct virtio_pci_cap (§4.1.4), from cap_len on. */
export interface VirtioCap {
  readonly type: number;
  readonly offset: number;
  readonly length: number;
  readonly bar?: number;
  /** notify_off_multiplier behind it. */
  readonly multiplier?: number;
  readonly capLength?: number;
}

/** The capabilities of a good device. */
export const VIRTIO_CAPS: readonly VirtioCap[] = [
  { type: COMMON_CFG, offset: 0, length: 0x1000 },
  { type: ISR_CFG, offset: ISR, length: 0x1000 },
  { type: DEVICE_CFG, offset: DEVICE, length: 0x1000 },
  { type: NOTIFY_CFG, offset: NOTIFY, length: 0x1000, multiplier: NOTIFY_MULTIPLIER },
];

/** A virtio device behind PCI registers (§4.1): translates what is written there for a model. */
export class VirtioPciFunction extends FakePciFunction {
  /** All accesses to the structures. */
  readonly window: RecordedWindow;
  readonly #registers: VirtioPciRegisters;

  constructor(host: FakePciHost, model: VirtioModel, caps: readonly VirtioCap[] = VIRTIO_CAPS) {
    super({ vendorId: 0x1af4, deviceId: 0x1040 + model.deviceType, revision: 1 });
    const registers = this.#registers = new VirtioPciRegisters(host, model);
    this.addBar(1, { byteLength: 0x1000 });
    this.window = this.addBar(BAR, { byteLength: BAR_BYTES, wide: true, registers });
    for (const cap of caps) this.addCapability(CAP_ID_VENDOR, capBytes(cap));
    host.onRing = (address) => {
      registers.notify(address - this.barAddress(BAR) - NOTIFY);
    };
  }

  /** Interrupts on the pin, for a queue (1) and for configuration (2): whether anybody says it's his. */
  pin(isr: number): boolean {
    return this.#registers.interrupts.pin(isr);
  }
}

/** Registers of which only those of the selected queue are seen. */
interface QueueRegisters {
  size: number;
  readonly addresses: Uint32Array;
  ring: (() => void) | null;
  resetting: boolean;
}

/** struct virtio_pci_common_cfg (§4.1.4.3): offset and width of each register. */
const WIDTHS: ReadonlyMap<number, Width> = new Map<number, Width>([
  [0x00, 4],
  [0x04, 4],
  [0x08, 4],
  [0x0c, 4],
  [0x10, 2],
  [0x12, 2],
  [0x14, 1],
  [0x15, 1],
  [0x16, 2],
  [0x18, 2],
  [0x1a, 2],
  [0x1c, 2],
  [0x1e, 2],
  [0x20, 4],
  [0x24, 4],
  [0x28, 4],
  [0x2c, 4],
  [0x30, 4],
  [0x34, 4],
  [0x3a, 2],
]);

class VirtioPciRegisters implements Registers {
  readonly interrupts: VirtioPciInterruptsModel;
  readonly #model: VirtioModel;
  readonly #queues: QueueRegisters[];
  #deviceFeatureSelect = 0;
  #driverFeatureSelect = 0;
  #driverFeatures = 0n;
  #queue = 0;

  constructor(host: FakePciHost, model: VirtioModel) {
    this.interrupts = new VirtioPciInterruptsModel(host, model);
    this.#model = model;
    this.#queues = Array.from({ length: model.queueCount }, (_, index) => ({
      size: model.queueSizeMax(index),
      addresses: new Uint32Array(6),
      ring: null,
      resetting: false,
    }));
  }

  /** A notification was written at `offset` of the notification structure (§4.1.4.4). */
  notify(offset: number): void {
    const ring = this.#queues[NOTIFY_OFF.indexOf(offset / NOTIFY_MULTIPLIER)].ring;
    if (ring === null) throw new Error(`notified at ${offset} before the queue was enabled`);
    ring();
  }

  read(offset: number, width: Width): number {
    if (offset >= DEVICE) return this.#model.configRead(offset - DEVICE, width);
    if (offset === ISR && width === 1) return this.interrupts.takeIsr();
    this.#checkWidth(offset, width);
    const queue = this.#queues[this.#queue];
    switch (offset) {
      case 0x04:
        return this.#word(this.#model.deviceFeatures(), this.#deviceFeatureSelect);
      case 0x10:
        return this.interrupts.configVector;
      case 0x12:
        return this.#queues.length;
      case 0x14:
        return this.#model.statusRead();
      case 0x15:
        return this.#model.configGeneration() ?? 0;
      case 0x18:
        return queue?.size ?? 0;
      case 0x1a:
        return this.interrupts.queueVector(this.#queue);
      case 0x1c:
        return queue.ring === null ? 0 : 1;
      case 0x1e:
        return NOTIFY_OFF[this.#queue];
      case 0x3a:
        return this.#isReset(queue) ? 0 : 1;
    }
    throw new Error(`the driver has no reason to read ${offset}`);
  }

  write(offset: number, width: Width, value: number): void {
    this.#checkWidth(offset, width);
    const queue = this.#queues[this.#queue];
    if (offset === 0x3a && value === 1) this.#reset(queue);
    else if (offset >= 0x20 && offset < 0x38) queue.addresses[(offset - 0x20) / 4] = value;
    else if (offset === 0x00) this.#deviceFeatureSelect = value;
    else if (offset === 0x08) this.#driverFeatureSelect = value;
    else if (offset === 0x0c) this.#acceptWord(value);
    else if (offset === 0x10) this.interrupts.configVector = value;
    else if (offset === 0x14) this.#writeStatus(value);
    else if (offset === 0x16) this.#queue = value;
    else if (offset === 0x18) queue.size = value;
    else if (offset === 0x1a) this.interrupts.setQueueVector(this.#queue, value);
    else if (offset === 0x1c && value === 1) this.#enable(queue);
    else throw new Error(`${value} written to ${offset} (§4.1.4.3.2)`);
  }

  /** A reset takes queues and vectors away (§4.1.4.3.1, §4.1.5.1.2.1). */
  #writeStatus(status: number): void {
    if (status === 0) {
      this.interrupts.clear();
      for (const queue of this.#queues) Object.assign(queue, { ring: null, resetting: false });
    }
    this.#model.statusWrite(status);
  }

  /** Its vector is gone with it, as in QEMU (§4.1.4.3.1). */
  #reset(queue: QueueRegisters): void {
    this.#model.beginQueueReset(this.#queue);
    this.interrupts.clearQueueVector(this.#queue);
    queue.resetting = true;
  }

  #isReset(queue: QueueRegisters): boolean {
    if (queue.resetting && this.#model.finishQueueReset(this.#queue)) {
      Object.assign(queue, { resetting: false, ring: null });
    }
    return !queue.resetting;
  }

  #acceptWord(word: number): void {
    const shift = 32n * BigInt(this.#driverFeatureSelect);
    this.#driverFeatures &= ~(0xffff_ffffn << shift);
    this.#driverFeatures |= BigInt(word) << shift;
    this.#model.driverFeaturesWrite(this.#driverFeatures);
  }

  /** Addresses are those of the registers: a high half that's forgotten leads nowhere. */
  #enable(queue: QueueRegisters): void {
    const [descLow, descHigh, driverLow, driverHigh, deviceLow, deviceHigh] = queue.addresses;
    const addresses: VirtqueueAddresses = {
      size: queue.size,
      descriptorArea: descHigh * 2 ** 32 + descLow,
      driverArea: driverHigh * 2 ** 32 + driverLow,
      deviceArea: deviceHigh * 2 ** 32 + deviceLow,
    };
    const doorbell = this.#model.queueEnable(this.#queue, addresses);
    queue.ring = () => doorbell.ring();
  }

  #word(features: bigint, select: number): number {
    return Number(features >> (32n * BigInt(select)) & 0xffff_ffffn);
  }

  #checkWidth(offset: number, width: Width): void {
    if (WIDTHS.get(offset) === width) return;
    throw new Error(`no register of ${width} bytes at ${offset} (§4.1.3.1)`);
  }
}

function capBytes(cap: VirtioCap): number[] {
  const { type, offset, length, bar = BAR, multiplier } = cap;
  const extra = multiplier === undefined ? [] : le32(multiplier);
  const capLength = cap.capLength ?? 16 + extra.length;
  return [capLength, type, bar, 0, 0, 0, ...le32(offset), ...le32(length), ...extra];
}

function le32(value: number): number[] {
  return [value & 0xff, value >>> 8 & 0xff, value >>> 16 & 0xff, value >>> 24];
}
