import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import type { Clock } from "../netdev/clock.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";
import type { DeviceUri } from "./device_uri.ts";
import { withRing } from "./ring_options.ts";

/**
 * Opens the device of this URI. The errors of its driver when it can't be. Only that driver is imported:
 * where QEMU emulates the processor, the others would take a start some 60 ms.
 */
export async function openDevice(
  uri: DeviceUri,
  config: DeviceConfig,
  waiter: FdWaiter,
  clock: Clock,
): Promise<OpenDevice> {
  switch (uri.kind) {
    case "qemu": {
      const { model } = uri;
      const properties = withRing(model, uri.properties, config.ring);
      const options = { ...config, model, properties };
      if (model === "virtio-net-device") {
        const { openMicrovm } = await import("./open_microvm.ts");
        return await openMicrovm(options, waiter, clock);
      }
      const { openQemu } = await import("./open_qemu.ts");
      return await openQemu(options, waiter, clock);
    }
    case "vfio": {
      const { openVfio } = await import("./open_vfio.ts");
      return openVfio({ ...config, address: uri.address }, waiter, clock);
    }
    case "tap": {
      const { openTap } = await import("./open_tap.ts");
      return await openTap(uri, config, waiter);
    }
    case "stream": {
      const { openStream } = await import("./open_stream.ts");
      return openStream(uri, config, waiter);
    }
    case "vhost-user": {
      const { openVhostUser } = await import("./open_vhost_user.ts");
      return await openVhostUser(uri, config, waiter, clock);
    }
    case "mmio": {
      const { openMmio } = await import("./open_mmio.ts");
      return openMmio(uri, config, clock);
    }
  }
}
