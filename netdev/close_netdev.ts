import type { Netdev } from "./netdev.ts";
import type { NetdevRegistry } from "./netdev_registry.ts";

/** Closes a device and has it forgotten, so that another one may have its name. */
export function closeNetdev(netdev: Netdev, registry: NetdevRegistry): void {
  try {
    netdev.close();
  } finally {
    registry.drvUnregister(netdev);
  }
}
