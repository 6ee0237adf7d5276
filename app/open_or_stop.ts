import type { OpenDevice } from "./device.ts";
import { onStopSignal } from "./stop_signals.ts";

/**
 * Opens a device that somebody may have to connect to first: null when Ctrl-C or a friendly kill ended
 * that, and then nothing of it is left. `open` is given what ends its wait. Throws what it throws.
 */
export async function openOrStop(
  open: (stopping: AbortSignal) => Promise<OpenDevice>,
): Promise<OpenDevice | null> {
  const stopping = new AbortController();
  using _signals = onStopSignal(() => stopping.abort());
  try {
    const device = await open(stopping.signal);
    if (!stopping.signal.aborted) return device;
    await device.close();
  } catch (error) {
    if (!stopping.signal.aborted) throw error;
  }
  return null;
}
