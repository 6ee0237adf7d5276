import { NetworkNamespace } from "../linux/network_namespace.ts";
import { HOST_IP } from "../stack/frames.ts";

/** Two namespaces joined by a veth pair: Linux itself at the address of the appliance. */
export class LinuxPair implements Disposable {
  readonly near = new NetworkNamespace();
  readonly far = new NetworkNamespace();

  /** `near` is 10.0.2.2, and can ping the appliance's address, where Linux answers from `far`. */
  static async create(): Promise<LinuxPair> {
    const pair = new LinuxPair();
    const { near, far } = pair;
    // The path of the other namespace is good for ip(8), which runs in the first one.
    const farPath = far.prefix[1].slice("--net=".length);
    await near.ip(
      "link",
      "add",
      "veth0",
      "type",
      "veth",
      "peer",
      "name",
      "veth1",
      "netns",
      farPath,
    );
    await near.ip("addr", "add", "10.0.2.2/24", "dev", "veth0");
    await far.ip("addr", "add", `${HOST_IP}/24`, "dev", "veth1");
    await near.ip("link", "set", "veth0", "up");
    await far.ip("link", "set", "veth1", "up");
    return pair;
  }

  [Symbol.dispose](): void {
    this.near[Symbol.dispose]();
    this.far[Symbol.dispose]();
  }
}
