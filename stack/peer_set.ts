/** Peers that a set remembers. */
export const PEER_SET_CAPACITY = 1024;

/** Slots: twice the capacity, so that probing stays short. */
const SLOT_BITS = 11;
const SLOTS = 1 << SLOT_BITS;
/** Slots looked at for one address, whatever addresses an attacker picks. */
const MAX_PROBES = 16;

/** A bounded set of IPv4 addresses (int32, not 0), for telling the first packet of each peer. */
export class PeerSet {
  /** 0 marks an empty slot: 0.0.0.0 is nobody's address. */
  readonly #slots = new Int32Array(SLOTS);
  #size = 0;

  /** Whether the address was new and could be added; false too once there is no room for it. */
  add(address: number): boolean {
    let slot = Math.imul(address, 0x9e3779b1) >>> (32 - SLOT_BITS);
    for (let probe = 0; probe < MAX_PROBES; probe++) {
      const present = this.#slots[slot];
      if (present === address) return false;
      if (present === 0) {
        if (this.#size === PEER_SET_CAPACITY) return false;
        this.#slots[slot] = address;
        this.#size++;
        return true;
      }
      slot = slot + 1 & SLOTS - 1;
    }
    return false;
  }
}
