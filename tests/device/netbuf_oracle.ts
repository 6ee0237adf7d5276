import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { HostileRing, LentBuffer } from "./hostile_ring.ts";
import type { BufferPiece } from "./ring_device.ts";

/** What is shorter is no frame. */
const ETHERNET_HEADER_BYTES = 14;

/** Who has a netbuf that the device may touch. */
interface Loan {
  readonly ring: HostileRing;
  readonly buffer: LentBuffer;
  readonly netbufs: readonly Netbuf[];
}

/**
 * Knows of each netbuf of a pool whether the device has it, and watches the driver: it may lend
 * none that lies in the pool or is lent already, and nothing beside the pool. While one is lent it
 * may be neither freed nor handed out, unless the device said that it's back. What breaks a rule
 * throws, in the middle of the call that broke it.
 */
export class NetbufOracle {
  readonly #pool: NetbufPool;
  readonly #netbufs: Netbuf[] = [];
  readonly #stride: number;
  readonly #loans = new Map<Netbuf, Loan>();

  /** Of a pool of which nothing is handed out yet. */
  constructor(pool: NetbufPool) {
    this.#pool = pool;
    for (let netbuf = pool.alloc(); netbuf !== null; netbuf = pool.alloc()) {
      this.#netbufs.push(netbuf);
    }
    for (const netbuf of this.#netbufs) netbuf.free();
    this.#netbufs.sort((a, b) => a.start - b.start);
    const [first, second] = this.#netbufs;
    this.#stride = second.start - first.start;
    const take = pool.take.bind(pool);
    pool.take = (netbuf) => {
      this.takenBack(netbuf, "freed");
      take(netbuf);
    };
    pool.freeBurst = (netbufs, count) => netbufs.slice(0, count).forEach((netbuf) => netbuf.free());
  }

  /** The driver has lent a buffer by `ring`. */
  lent(ring: HostileRing, buffer: LentBuffer, deviceWrites: boolean): void {
    const netbufs: Netbuf[] = [];
    for (const piece of buffer.pieces) {
      if (piece.deviceWrites !== deviceWrites) throw new Error("lent for the other direction");
      netbufs.push(this.#netbufOf(piece));
    }
    const loan = { ring, buffer, netbufs };
    for (const netbuf of netbufs) {
      if (netbuf.references === 0) throw new Error(`${describe(netbuf)} is lent from the pool`);
      if (this.#loans.has(netbuf)) throw new Error(`${describe(netbuf)} is lent twice`);
      this.#loans.set(netbuf, loan);
    }
  }

  /** The driver treats a netbuf as its own: it has freed it, or handed it out. */
  takenBack(netbuf: Netbuf, how: string): void {
    const loan = this.#loans.get(netbuf);
    if (loan === undefined) return;
    if (!loan.ring.consume(loan.buffer.head)) {
      throw new Error(`${describe(netbuf)} is ${how} while the device has it`);
    }
    for (const each of loan.netbufs) this.#loans.delete(each);
  }

  /** Somebody on the driver's side has touched the byte at `offset`; whether that's a netbuf's. */
  touched(offset: number, how: string): boolean {
    const netbuf = this.#netbufs[Math.floor((offset - this.#netbufs[0].start) / this.#stride)];
    if (netbuf === undefined || offset >= netbuf.end) return false;
    if (netbuf.references === 0) throw new Error(`${describe(netbuf)} is ${how} in the pool`);
    const loan = this.#loans.get(netbuf);
    if (loan !== undefined && loan.ring.claims(loan.buffer.head) === 0) {
      throw new Error(`${describe(netbuf)} is ${how} while the device has it`);
    }
    return true;
  }

  /** The driver has a buffer back, and will hand it out. */
  returned(buffer: LentBuffer): void {
    for (const [netbuf, loan] of this.#loans) {
      if (loan.buffer === buffer) this.#loans.delete(netbuf);
    }
  }

  /** The driver has handed out a packet. */
  handedOut(packet: Netbuf): void {
    for (let piece: Netbuf | null = packet; piece !== null; piece = piece.next) {
      this.takenBack(piece, "handed out");
      if (piece.references !== 1) throw new Error(`${describe(piece)} is handed out, and free`);
      const least = piece === packet ? ETHERNET_HEADER_BYTES : 1;
      const fits = piece.data >= piece.start && piece.data + piece.length <= piece.end;
      if (!fits || piece.length < least) {
        throw new Error(`${describe(piece)} is handed out with ${piece.length} bytes`);
      }
    }
  }

  /** The device was reset or has lost its access to memory: it has nothing any more. */
  wipe(): void {
    this.#loans.clear();
  }

  /** Every netbuf is in the pool or lent, or one of `held` that others have. */
  checkWhole(held = 0): void {
    const elsewhere = this.#pool.size - this.#pool.available - this.#loans.size;
    if (elsewhere === held) return;
    throw new Error(
      `${elsewhere} of ${this.#pool.size} netbufs are lost, ${this.#loans.size} lent`,
    );
  }

  #netbufOf({ offset, length }: BufferPiece): Netbuf {
    const number = Math.floor((offset - this.#netbufs[0].start) / this.#stride);
    const netbuf = this.#netbufs[number];
    if (netbuf !== undefined && offset + length <= netbuf.end && length > 0) return netbuf;
    throw new Error(`${length} bytes at ${offset} are lent, which are no netbuf's`);
  }
}

function describe({ start }: Netbuf): string {
  return `the netbuf at ${start}`;
}
