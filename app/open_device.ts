import type { FdWaiter } from "../drivers/ffi/fd_waiter.ts";
import type { Clock } from "../netdev/clock.ts";
import type { DeviceConfig, OpenDevice } from "./device.ts";
import type { DeviceUri } from "./device_uri.ts";
import { openMmio } from "./open_mmio.ts";
import { openMicrovm } from "./open_microvm.ts";
import { openQemu } from "./open_qemu.ts";
import { openStream } from "./open_stream.ts";
import { openTap } from "./open_tap.ts";
import { openVfio } from "./open_vfio.ts";
import { openVhostUser } from "./open_vhost_user.ts";
import { withRing } from "./ring_options.ts";

/** Opens the device of this URI. The errors of its driver when it can't be. */
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
      const open = model === "virtio-net-device" ? openMicrovm : openQemu;
      return await open({ ...config, model, properties }, waiter, clock);
    }
    case "vfio":
      return openVfio({ ...config, address: uri.address }, waiter, clock);
    case "tap":
      return await openTap(uri, config, waiter);
    case "stream":
      return openStream(uri, config, waiter);
    case "vhost-user":
      return await openVhostUser(uri, config, waiter, clock);
    case "mmio":
      return openMmio(uri, config, clock);
  }
}
