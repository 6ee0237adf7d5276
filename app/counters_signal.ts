/** Calls `tell` on `kill -USR1`, which else would end the process, as long as the object lives. */
export function onCountersSignal(tell: () => void): Disposable {
  Deno.addSignalListener("SIGUSR1", tell);
  return { [Symbol.dispose]: () => Deno.removeSignalListener("SIGUSR1", tell) };
}
