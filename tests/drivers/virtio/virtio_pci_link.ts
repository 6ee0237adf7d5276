import { PciDevice } from "../../../drivers/pci/pci_device.ts";
import { VirtioPciModern } from "../../../drivers/virtio/virtio_pci_modern.ts";
import type { InterruptMode } from "../../../drivers/virtio/virtio_transport.ts";
import { FakePciHost } from "../../device/fake_pci_host.ts";
import { VirtioNetModel, type VirtioNetModelOptions } from "../../device/virtio_net_model.ts";
import {
  VIRTIO_CAPS,
  type VirtioCap,
  VirtioPciFunction,
} from "../../device/virtio_pci_function.ts";

/** What a test may want otherwise. */
export interface VirtioPciLinkOptions extends VirtioNetModelOptions {
  readonly caps?: readonly VirtioCap[];
  /** Where the bus has room for BARs. */
  readonly barStart?: number;
}

/** A network card on a PCI bus, at 00:02.0. */
export class VirtioPciLink {
  readonly model: VirtioNetModel;
  readonly host: FakePciHost;
  readonly pci: VirtioPciFunction;

  constructor(options: VirtioPciLinkOptions = {}) {
    this.model = new VirtioNetModel(options);
    this.host = new FakePciHost(options.barStart, this.model.region);
    this.pci = new VirtioPciFunction(this.host, this.model, options.caps ?? VIRTIO_CAPS);
    this.host.plug(2, 0, this.pci);
  }

  /** The transport, with nothing done to the device but what finding its structures takes. */
  transport(modes?: readonly InterruptMode[]): VirtioPciModern {
    const device = new PciDevice(this.host, { bus: 0, device: 2, function: 0 });
    return new VirtioPciModern(device, modes);
  }

  /** The accesses to the structures that `action` makes. */
  accesses(action: () => void): string[] {
    const { accesses } = this.pci.window;
    const before = accesses.length;
    action();
    return accesses.slice(before);
  }
}
