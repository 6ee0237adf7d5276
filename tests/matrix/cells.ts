/** What carries registers and interrupts between driver and device. */
export const TRANSPORTS = ["pci modern", "pci legacy", "mmio v2", "mmio v1"] as const;
export type Transport = typeof TRANSPORTS[number];

/** How a virtqueue lies in memory (virtio 1.2 §2.7, §2.8). */
export const RINGS = ["split", "packed"] as const;
export type Ring = typeof RINGS[number];

/** Queue pairs, and the network with them: QEMU's hub has one queue, Linux's TAP may have several. */
export const QUEUE_PAIRS = [1, 4] as const;
export type QueuePairs = typeof QUEUE_PAIRS[number];

/** One combination of everything that a card and its driver can differ in. */
export interface Cell {
  readonly transport: Transport;
  readonly ring: Ring;
  readonly queuePairs: QueuePairs;
  readonly mrgRxbuf: boolean;
  readonly eventIdx: boolean;
  readonly indirectDesc: boolean;
}

/** The values of a cell that something has to be built for. */
export type Part = Transport | Ring | "indirect_desc" | "4 queue pairs";

/** Parts that the appliance has. A cell with any other is not run, and the table says so. */
export const BUILT: ReadonlySet<Part> = new Set<Part>([
  "pci modern",
  "pci legacy",
  "mmio v2",
  "mmio v1",
  "split",
  "packed",
  "indirect_desc",
  "4 queue pairs",
]);

/** Whether a cell can be run, and what to show of it when not. */
export type CellState =
  | { readonly kind: "runs" }
  | { readonly kind: "n/a"; readonly why: string }
  | { readonly kind: "not built yet"; readonly part: Part };

const ON_OFF = [true, false];

/** All cells, those that can't be run as well; the last value changes first. */
export const CELLS: readonly Cell[] = TRANSPORTS.flatMap((transport) =>
  RINGS.flatMap((ring) =>
    QUEUE_PAIRS.flatMap((queuePairs) =>
      ON_OFF.flatMap((mrgRxbuf) =>
        ON_OFF.flatMap((eventIdx) =>
          ON_OFF.map((indirectDesc) => (
            { transport, ring, queuePairs, mrgRxbuf, eventIdx, indirectDesc }
          ))
        )
      )
    )
  )
);

/** Whether the device has the interface from before virtio 1.0 (virtio 1.2 §2.2.3). */
export function isLegacy(transport: Transport): boolean {
  return transport === "pci legacy" || transport === "mmio v1";
}

/** What has to be built for a cell. */
export function partsOf(cell: Cell): Part[] {
  return [
    cell.transport,
    cell.ring,
    ...(cell.queuePairs > 1 ? ["4 queue pairs" as const] : []),
    ...(cell.indirectDesc ? ["indirect_desc" as const] : []),
  ];
}

/** Whether a cell can be run with these parts. */
export function stateOf(cell: Cell, built: ReadonlySet<Part> = BUILT): CellState {
  if (isLegacy(cell.transport) && cell.ring === "packed") {
    return { kind: "n/a", why: "packed rings came with virtio 1.1, and legacy is before 1.0" };
  }
  const part = partsOf(cell).find((part) => !built.has(part));
  return part === undefined ? { kind: "runs" } : { kind: "not built yet", part };
}

/** A cell in one line. */
export function cellName(cell: Cell): string {
  const { transport, ring, queuePairs, mrgRxbuf, eventIdx, indirectDesc } = cell;
  const switches = [
    `mrg_rxbuf=${onOff(mrgRxbuf)}`,
    `event_idx=${onOff(eventIdx)}`,
    `indirect_desc=${onOff(indirectDesc)}`,
  ];
  const place = queuePairs === 1 ? "1 queue pair on the hub" : `${queuePairs} queue pairs on a TAP`;
  return `${transport}, ${ring} ring, ${place}, ${switches.join(" ")}`;
}

/** As QEMU writes it, and as the table does. */
export function onOff(on: boolean): "on" | "off" {
  return on ? "on" : "off";
}
