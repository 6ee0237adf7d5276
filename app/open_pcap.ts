import { OutputFile } from "../drivers/ffi/output_file.ts";
import { WallClock } from "../drivers/ffi/wall_clock.ts";
import { PcapRecorder } from "./pcap_recorder.ts";

/** A capture file that can't be written. */
export class PcapError extends Error {
  override readonly name = "PcapError";
}

/** A capture file under way; disposing it writes the rest out. */
export interface PcapFile extends Disposable {
  /** For the registry of the device, and the last one of the loop's tickers. */
  readonly recorder: PcapRecorder;
}

/**
 * Opens a capture file, in place of what it held before. `PcapError` when it can't be written.
 * `onStopped` is called when that comes out later: recording has ended then, with one line why.
 */
export function openPcap(path: string, onStopped: (reason: string) => void): PcapFile {
  const failed = (error: unknown): string =>
    `can't write ${path}: ${error instanceof Error ? error.message : String(error)}`;
  let file: OutputFile | null = null;
  try {
    const opened = new OutputFile(path);
    file = opened;
    const recorder = new PcapRecorder(opened, new WallClock(), (error) => onStopped(failed(error)));
    return {
      recorder,
      [Symbol.dispose](): void {
        recorder.close();
        opened[Symbol.dispose]();
      },
    };
  } catch (error) {
    file?.[Symbol.dispose]();
    throw new PcapError(failed(error), { cause: error });
  }
}
