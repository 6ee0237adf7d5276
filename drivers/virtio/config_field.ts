import type { RegisterWindow } from "../pci/register_window.ts";
import { VirtioError } from "./virtio_error.ts";

/**
 * Reads one field of device-specific configuration, which is from `start` on in a window, at its own
 * width (virtio 1.2 §4.1.3.1, §4.2.2.2). `VirtioError` for one that the device called `name` hasn't.
 */
export function readConfigField(
  name: string,
  window: RegisterWindow,
  start: number,
  offset: number,
  width: 1 | 2 | 4,
): number {
  const place = start + offset;
  if (place + width > window.byteLength) {
    throw new VirtioError(`${name} has no configuration of ${width} bytes at ${offset}`);
  }
  if (width === 1) return window.read8(place);
  if (width === 2) return window.read16(place);
  return window.read32(place);
}
