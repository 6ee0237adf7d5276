import { connectAbstract } from "../../drivers/ffi/unix_socket.ts";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { QmpClient } from "../../drivers/pci/qemu/qmp_client.ts";
import { Appliance, uniqueHub } from "./appliance.ts";
import { StreamPort } from "./frame_port.ts";

/** An appliance on QEMU, its operator, and a place on its network. */
export class OperatedAppliance implements AsyncDisposable {
  readonly appliance: Appliance;
  readonly qmp: QmpClient;
  readonly port: StreamPort;
  readonly #monitor: Disposable;

  private constructor(appliance: Appliance, monitor: string, port: StreamPort) {
    const socket = connectAbstract(monitor);
    this.appliance = appliance;
    this.#monitor = socket;
    this.qmp = new QmpClient(socket);
    this.port = port;
    this.qmp.execute("qmp_capabilities");
  }

  /** Starts an appliance, and waits until it serves. */
  static async start(...args: readonly string[]): Promise<OperatedAppliance> {
    const monitor = uniqueHub();
    const appliance = new Appliance([`--monitor=${monitor}`, ...args]);
    try {
      await appliance.event("ready");
      const { socket, headerSent } = await connectHub(appliance.hub);
      return new OperatedAppliance(appliance, monitor, new StreamPort(socket, headerSent));
    } catch (error) {
      await appliance[Symbol.asyncDispose]();
      throw error;
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.port[Symbol.dispose]();
    this.#monitor[Symbol.dispose]();
    await this.appliance[Symbol.asyncDispose]();
  }
}
