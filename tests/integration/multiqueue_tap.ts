import { NetworkNamespace } from "../linux/network_namespace.ts";

/** Pairs of queues in these tests. */
export const QUEUES = 4;

/** The name of the TAP interface. */
export const TAP = "tap0";

/** A TAP interface of several queues, as QEMU attaches to it. */
export const TAP_NETDEV = `tap,ifname=${TAP},script=no,downscript=no,vhost=off`;

/** The flags of an appliance on it. */
export const SERVE: readonly string[] = [
  `--queues=${QUEUES}`,
  "--ip=10.0.2.15/24",
  `--netdev=${TAP_NETDEV}`,
];

/** A network of its own, in which Linux has these addresses on a TAP interface of several queues. */
export async function inNamespaceWithLinux(
  addresses: readonly string[],
  test: (linux: NetworkNamespace) => Promise<void>,
): Promise<void> {
  using linux = new NetworkNamespace();
  await linux.ip("tuntap", "add", "dev", TAP, "mode", "tap", "multi_queue");
  // Room for what comes while a busy machine lets the other side wait: else Linux drops it.
  await linux.ip("link", "set", TAP, "txqueuelen", "10000");
  for (const address of addresses) await linux.ip("addr", "add", `${address}/24`, "dev", TAP);
  await linux.ip("link", "set", TAP, "up");
  await test(linux);
}
