/**
 * Whether the processor keeps loads in the order of the program, as x86-64 does. A plain load of an index
 * that a device moves is then as good as Atomics.load, which is a call of 5 ns: V8 makes each load of a
 * typed array whose value is used, as others may write there (`NotLoadEliminable` in its Turboshaft).
 */
export const LOADS_ARE_ORDERED: boolean = Deno.build.arch === "x86_64";
