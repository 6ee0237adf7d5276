/** How long an entry stays good after an ARP packet last confirmed it (RFC 1122 §2.3.2.1). */
export const ARP_LIFETIME_MS = 60_000;
/** From one request for an address to the next: at most one per second (RFC 1122 §2.3.2.1). */
export const ARP_RETRY_MS = 1000;
/** Requests for an address before its resolution has failed. */
export const ARP_TRIES = 3;
/** How long an entry keeps to the MAC address it has just got, as Linux's `locktime` does. */
export const ARP_LOCK_MS = 1000;

/** No entry, where the index of one is returned. */
export const ARP_NONE = -1;

/** What an ARP packet did to the cache. */
export const ArpUpdate = {
  /** The cache holds nothing for the sender, and nothing was made. */
  UNKNOWN: 0,
  /** The entry was REACHABLE, and is as the packet says. */
  CONFIRMED: 1,
  /** The entry was INCOMPLETE, and is REACHABLE now. */
  RESOLVED: 2,
  /** The entry keeps the MAC address it has: it got that less than {@link ARP_LOCK_MS} ago. */
  LOCKED: 3,
} as const;

/** One of the values of {@link ArpUpdate}. */
export type ArpUpdate = typeof ArpUpdate[keyof typeof ArpUpdate];

/** How large a cache is, and whom it must keep. */
export interface ArpCacheOptions {
  /** Entries in all, at most 32,767. */
  readonly capacity: number;
  /** Entries that may be INCOMPLETE at a time, fewer than `capacity`. */
  readonly maxIncomplete: number;
  /** The address (int32) whose entry is never evicted: the gateway's. */
  readonly pinned: number | null;
}

const FREE = 0;
const INCOMPLETE = 1;
const REACHABLE = 2;

/**
 * Who has which IPv4 address on the link: a state machine without input and output, after MirageOS's
 * `arp`. It is told of packets and of time, and says what is to be sent.
 *
 * ```text
 * FREE ─resolve─> INCOMPLETE ─update─> REACHABLE ─lifetime, eviction─> FREE
 *                     └─retry, the last time─> FREE    FREE ─learn─> REACHABLE
 * ```
 *
 * Addresses are int32, MAC addresses head and tail (see mac_address.ts), times milliseconds on any
 * one clock. Entries are named by their index in arrays that are made once. A hash table of chains
 * finds an entry by address.
 */
export class ArpCache {
  readonly #capacity: number;
  readonly #maxIncomplete: number;
  readonly #pinned: number | null;
  readonly #hashShift: number;
  /** First entry of each hash chain, and the next one of each entry: in its chain, or free. */
  readonly #chains: Int16Array;
  readonly #next: Int16Array;
  #firstFree = 0;
  #incomplete = 0;

  readonly #state: Uint8Array;
  readonly #address: Int32Array;
  readonly #head: Uint16Array;
  readonly #tail: Int32Array;
  readonly #confirmedAt: Float64Array;
  readonly #movedAt: Float64Array;
  /** Value of {@link ArpCache.#uses} when the entry was last used or confirmed. */
  readonly #usedAt: Float64Array;
  #uses = 0;
  readonly #retryAt: Float64Array;
  readonly #triesLeft: Uint8Array;

  constructor(options: ArpCacheOptions) {
    const { capacity, maxIncomplete, pinned } = options;
    if (!Number.isInteger(capacity) || capacity < 2 || capacity > 32_767) {
      throw new RangeError(`ARP cache of ${capacity} entries: 2 to 32767 are possible`);
    }
    if (!Number.isInteger(maxIncomplete) || maxIncomplete < 1 || maxIncomplete >= capacity) {
      throw new RangeError(
        `${maxIncomplete} incomplete ARP entries of ${capacity}: 1 to ${capacity - 1} are possible`,
      );
    }
    this.#capacity = capacity;
    this.#maxIncomplete = maxIncomplete;
    this.#pinned = pinned;
    const hashBits = 32 - Math.clz32(capacity - 1);
    this.#hashShift = 32 - hashBits;
    this.#chains = new Int16Array(1 << hashBits).fill(ARP_NONE);
    this.#next = Int16Array.from({ length: capacity }, (_, entry) => entry + 1);
    this.#next[capacity - 1] = ARP_NONE;
    this.#state = new Uint8Array(capacity);
    this.#address = new Int32Array(capacity);
    this.#head = new Uint16Array(capacity);
    this.#tail = new Int32Array(capacity);
    this.#confirmedAt = new Float64Array(capacity);
    this.#movedAt = new Float64Array(capacity);
    this.#usedAt = new Float64Array(capacity);
    this.#retryAt = new Float64Array(capacity);
    this.#triesLeft = new Uint8Array(capacity);
  }

  /** Whose entry it is. */
  address(entry: number): number {
    return this.#address[entry];
  }

  /** Head of the MAC address of a REACHABLE entry. */
  head(entry: number): number {
    return this.#head[entry];
  }

  /** Tail of the MAC address of a REACHABLE entry. */
  tail(entry: number): number {
    return this.#tail[entry];
  }

  /** The REACHABLE entry for an address that a packet is about to go to, or {@link ARP_NONE}. */
  lookup(address: number, now: number): number {
    const entry = this.#find(address, now);
    if (entry === ARP_NONE || this.#state[entry] !== REACHABLE) return ARP_NONE;
    this.#touch(entry);
    return entry;
  }

  /** The INCOMPLETE entry for an address, or {@link ARP_NONE}. */
  incomplete(address: number, now: number): number {
    const entry = this.#find(address, now);
    return entry !== ARP_NONE && this.#state[entry] === INCOMPLETE ? entry : ARP_NONE;
  }

  /**
   * Makes an INCOMPLETE entry for an address that has none; the caller sends the first request now.
   * {@link ARP_NONE} when too many are INCOMPLETE already.
   */
  resolve(address: number, now: number): number {
    if (this.#incomplete === this.#maxIncomplete) return ARP_NONE;
    const entry = this.#insert(address);
    if (entry === ARP_NONE) return ARP_NONE;
    this.#state[entry] = INCOMPLETE;
    this.#incomplete++;
    this.#retryAt[entry] = now + ARP_RETRY_MS;
    this.#triesLeft[entry] = ARP_TRIES - 1;
    return entry;
  }

  /** Takes in what any valid ARP packet says of its sender, if the cache has an entry for it. */
  update(address: number, head: number, tail: number, now: number): ArpUpdate {
    const entry = this.#find(address, now);
    if (entry === ARP_NONE) return ArpUpdate.UNKNOWN;
    if (this.#state[entry] === INCOMPLETE) {
      this.#incomplete--;
      this.#setReachable(entry, head, tail, now);
      return ArpUpdate.RESOLVED;
    }
    if (this.#head[entry] !== head || this.#tail[entry] !== tail) {
      if (now - this.#movedAt[entry] < ARP_LOCK_MS) return ArpUpdate.LOCKED;
      this.#setReachable(entry, head, tail, now);
      return ArpUpdate.CONFIRMED;
    }
    this.#confirmedAt[entry] = now;
    this.#touch(entry);
    return ArpUpdate.CONFIRMED;
  }

  /**
   * Makes an entry for the sender of a request for our address, which has none yet. The entry least
   * recently used makes room. An INCOMPLETE or pinned one never does.
   */
  learn(address: number, head: number, tail: number, now: number): void {
    const entry = this.#insert(address);
    if (entry !== ARP_NONE) this.#setReachable(entry, head, tail, now);
  }

  /** Whether any entry is INCOMPLETE. */
  isResolving(): boolean {
    return this.#incomplete > 0;
  }

  /** When the first retry of an INCOMPLETE entry is due, or Infinity. */
  deadline(): number {
    let deadline = Infinity;
    for (let entry = 0; entry < this.#capacity; entry++) {
      if (this.#state[entry] === INCOMPLETE) deadline = Math.min(deadline, this.#retryAt[entry]);
    }
    return deadline;
  }

  /** An INCOMPLETE entry whose retry is due, or {@link ARP_NONE}. Each one wants a `retry()`. */
  due(now: number): number {
    for (let entry = 0; entry < this.#capacity; entry++) {
      if (this.#state[entry] === INCOMPLETE && now >= this.#retryAt[entry]) return entry;
    }
    return ARP_NONE;
  }

  /** True: a due entry wants another request. False: it has had its last, and is FREE now. */
  retry(entry: number, now: number): boolean {
    if (this.#triesLeft[entry] === 0) {
      this.#incomplete--;
      this.#remove(entry);
      return false;
    }
    this.#triesLeft[entry]--;
    this.#retryAt[entry] = now + ARP_RETRY_MS;
    return true;
  }

  #setReachable(entry: number, head: number, tail: number, now: number): void {
    this.#state[entry] = REACHABLE;
    this.#head[entry] = head;
    this.#tail[entry] = tail;
    this.#movedAt[entry] = now;
    this.#confirmedAt[entry] = now;
    this.#touch(entry);
  }

  #touch(entry: number): void {
    this.#usedAt[entry] = ++this.#uses;
  }

  #chain(address: number): number {
    // Multiplicative hashing by 2^32 / golden ratio: the top bits depend on every bit of the address.
    return Math.imul(address, 0x9e3779b1) >>> this.#hashShift;
  }

  /** The live entry for an address. One that has outlived its time goes when somebody asks for it. */
  #find(address: number, now: number): number {
    let entry = this.#chains[this.#chain(address)];
    while (entry !== ARP_NONE && this.#address[entry] !== address) entry = this.#next[entry];
    if (entry === ARP_NONE || this.#state[entry] === INCOMPLETE) return entry;
    if (now - this.#confirmedAt[entry] < ARP_LIFETIME_MS) return entry;
    this.#remove(entry);
    return ARP_NONE;
  }

  /** Links an entry for an address that has none; its state is the caller's to set. */
  #insert(address: number): number {
    if (this.#firstFree === ARP_NONE) {
      const evicted = this.#leastRecentlyUsed();
      if (evicted === ARP_NONE) return ARP_NONE;
      this.#remove(evicted);
    }
    const entry = this.#firstFree;
    this.#firstFree = this.#next[entry];
    const chain = this.#chain(address);
    this.#next[entry] = this.#chains[chain];
    this.#chains[chain] = entry;
    this.#address[entry] = address;
    return entry;
  }

  #leastRecentlyUsed(): number {
    let oldest = ARP_NONE;
    let oldestUse = Infinity;
    for (let entry = 0; entry < this.#capacity; entry++) {
      if (this.#state[entry] !== REACHABLE || this.#address[entry] === this.#pinned) continue;
      if (this.#usedAt[entry] < oldestUse) {
        oldest = entry;
        oldestUse = this.#usedAt[entry];
      }
    }
    return oldest;
  }

  #remove(entry: number): void {
    const chain = this.#chain(this.#address[entry]);
    let link = this.#chains[chain];
    if (link === entry) {
      this.#chains[chain] = this.#next[entry];
    } else {
      while (this.#next[link] !== entry) link = this.#next[link];
      this.#next[link] = this.#next[entry];
    }
    this.#next[entry] = this.#firstFree;
    this.#firstFree = entry;
    this.#state[entry] = FREE;
  }
}
