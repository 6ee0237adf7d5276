import type { DmaRegion } from "../../netdev/dma_region.ts";

/** Sees each access of the driver's side to the memory that it shares with a device. */
export interface Onlooker {
  /** `length` bytes at `offset` were read, one value unless it's more than 4. */
  onRead(offset: number, length: number, value: number): void;
  /** `length` bytes at `offset` are about to be written. */
  onWrite(offset: number, length: number): void;
}

/** The arrays that a region is seen through. */
type View = Uint8Array | Uint16Array | Uint32Array | Int32Array;

/** A watched view, and what is behind it. */
const PLAIN = new WeakMap<object, { readonly view: View; readonly region: WatchedRegion }>();
/** Regions by the memory that they are. */
const REGIONS = new WeakMap<ArrayBufferLike, WatchedRegion>();

/**
 * A region whose every access by element, by `Atomics`, and by the methods of its arrays an onlooker is
 * told of: a typed array can't trap that, but a proxy of one can. The device has the region itself,
 * and isn't watched. {@link WatchedBuiltins} has to be in force meanwhile.
 */
export class WatchedRegion implements DmaRegion {
  readonly byteLength: number;
  readonly u8: Uint8Array;
  readonly u16: Uint16Array;
  readonly u32: Uint32Array;
  onlooker: Onlooker | null = null;
  readonly #region: DmaRegion;

  constructor(region: DmaRegion) {
    this.#region = region;
    this.byteLength = region.byteLength;
    this.u8 = this.watch(region.u8);
    this.u16 = this.watch(region.u16);
    this.u32 = this.watch(region.u32);
    REGIONS.set(region.u8.buffer, this);
  }

  deviceAddress(offset: number): number {
    return this.#region.deviceAddress(offset);
  }

  /** The same view, watched. */
  watch<T extends View>(view: T): T {
    const proxy = new Proxy(view, {
      get: (target, key) => this.#get(target, key),
      set: (target, key, value) => this.#set(target, key, value),
    });
    PLAIN.set(proxy, { view, region: this });
    return proxy;
  }

  /** An element was read. */
  read(view: View, index: number, value: number): number {
    const width = view.BYTES_PER_ELEMENT;
    this.onlooker?.onRead(index * width, width, value);
    return value;
  }

  /** An element is about to be written. */
  write(view: View, index: number): void {
    const width = view.BYTES_PER_ELEMENT;
    this.onlooker?.onWrite(index * width, width);
  }

  #get(view: View, key: string | symbol): unknown {
    const index = indexOf(key);
    if (index >= 0) {
      if (index >= view.length) throw new Error(`element ${index} of ${view.length} is read`);
      return this.read(view, index, view[index]);
    }
    const value: unknown = Reflect.get(view, key, view);
    if (typeof value !== "function") return value;
    return (...args: unknown[]): unknown => {
      this.#called(view, String(key), args);
      return Reflect.apply(value, view, args);
    };
  }

  #set(view: View, key: string | symbol, value: unknown): boolean {
    const index = indexOf(key);
    if (index < 0 || index >= view.length) {
      throw new Error(`element ${String(key)} of ${view.length} is written`);
    }
    this.write(view, index);
    return Reflect.set(view, key, value, view);
  }

  /** Those that are in use, with whole ranges. */
  #called(view: View, method: string, args: readonly unknown[]): void {
    const width = view.BYTES_PER_ELEMENT;
    const [a, b, c] = args.map(Number);
    const range = (
      from: number,
      to: number,
    ): [number, number] => [from * width, (to - from) * width];
    if (method === "fill") this.onlooker?.onWrite(...range(b, c));
    else if (method === "slice") this.onlooker?.onRead(...range(a, b), 0);
    else if (method === "set") {
      const [source] = args;
      if (!(source instanceof Uint8Array)) throw new Error("set() from what is no Uint8Array");
      this.onlooker?.onWrite(...range(b, b + source.length));
    } else if (method === "copyWithin") {
      this.onlooker?.onRead(...range(b, c), 0);
      this.onlooker?.onWrite(...range(a, a + c - b));
    } else throw new Error(`${method}() of a region isn't watched`);
  }
}

/** Has `Atomics` and new views know of watched regions, until it's disposed of. */
export class WatchedBuiltins implements Disposable {
  readonly #load = Atomics.load;
  readonly #store = Atomics.store;
  readonly #Int32Array = Int32Array;

  constructor() {
    const load: (view: View, index: number) => number = this.#load;
    const store: (view: View, index: number, value: number) => number = this.#store;
    Reflect.set(Atomics, "load", (view: View, index: number): number => {
      const plain = PLAIN.get(view);
      if (plain === undefined) return load(view, index);
      return plain.region.read(plain.view, index, load(plain.view, index));
    });
    Reflect.set(Atomics, "store", (view: View, index: number, value: number): number => {
      const plain = PLAIN.get(view);
      if (plain === undefined) return store(view, index, value);
      plain.region.write(plain.view, index);
      return store(plain.view, index, value);
    });
    const watched = new Proxy(this.#Int32Array, {
      construct: (target, args, newTarget): Int32Array => {
        const view: Int32Array = Reflect.construct(target, args, newTarget);
        return REGIONS.get(view.buffer)?.watch(view) ?? view;
      },
    });
    Reflect.set(globalThis, "Int32Array", watched);
  }

  [Symbol.dispose](): void {
    Reflect.set(Atomics, "load", this.#load);
    Reflect.set(Atomics, "store", this.#store);
    Reflect.set(globalThis, "Int32Array", this.#Int32Array);
  }
}

/** The number of an element, -1 for what is none. */
function indexOf(key: string | symbol): number {
  if (typeof key !== "string") return -1;
  const first = key.charCodeAt(0);
  return first >= 48 && first <= 57 ? Number(key) : -1;
}
