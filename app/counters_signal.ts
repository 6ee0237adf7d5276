/**
 * Calls `tell` on `kill -USR2`, which else would end the process, as long as the object lives. (SIGUSR1
 * has Deno open a port for a debugger, as it does in Node.)
 */
export function onCountersSignal(tell: () => void): Disposable {
  Deno.addSignalListener("SIGUSR2", tell);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGUSR2", tell) };
}
