/**
 * Loads of what a device writes: what is loaded after them is not older than they are, nor are they older
 * than what was stored by `Atomics.store` before.
 *
 * @module
 */

/**
 * Whether plain loads are like that, as on x86-64, which keeps loads in the order of the program. Else it
 * takes Atomics.load, a call of 5 ns. V8 makes each load of a typed array whose value is used, as others
 * may write there (`NotLoadEliminable` in its Turboshaft).
 */
const LOADS_ARE_ORDERED: boolean = Deno.build.arch === "x86_64";

/** Element `at` of a region by its 16-bit view. */
export function load16(u16: Uint16Array, at: number): number {
  return LOADS_ARE_ORDERED === true ? u16[at] : Atomics.load(u16, at);
}

/** Element `at` of a region by its 32-bit view: signed, as V8 has bits above 2^30 on the heap else. */
export function load32(i32: Int32Array, at: number): number {
  return LOADS_ARE_ORDERED === true ? i32[at] : Atomics.load(i32, at);
}
