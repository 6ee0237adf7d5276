const SIGNALS = ["SIGINT", "SIGTERM"] as const;

/** Calls `stop` on Ctrl-C and on a friendly kill, as long as the returned object lives. */
export function onStopSignal(stop: () => void): Disposable {
  for (const signal of SIGNALS) Deno.addSignalListener(signal, stop);
  return {
    [Symbol.dispose](): void {
      for (const signal of SIGNALS) Deno.removeSignalListener(signal, stop);
    },
  };
}
