import { assertEquals } from "@std/assert";
import { NET_FEATURES, VIRTIO_NET_F_SPEED_DUPLEX } from "../../device/virtio_net_model.ts";
import { NetLink, ProbedNet } from "./net_link.ts";

/** VIRTIO_NET_F_HOST_ECN and VIRTIO_F_SR_IOV (virtio 1.2 §5.1.3, §6), and a bit without a name. */
const NOT_WANTED = 1n << 13n | 1n << 37n | 1n << 50n;

Deno.test("what was offered and what was negotiated, by name, and no ring before it's made", () => {
  const net = new ProbedNet({ features: NET_FEATURES | NOT_WANTED });
  net.netdev.probe();
  const details = net.netdev.detailsGet();
  assertEquals(details?.bus, "model");
  assertEquals(details?.features.negotiated.includes("HOST_ECN"), false);
  assertEquals(
    details?.features.offered.filter((name) => !details.features.negotiated.includes(name)),
    ["HOST_ECN", "SR_IOV", "bit 50"],
  );
  assertEquals([details?.rxRings, details?.txRings, details?.vectors], [[], [], []]);
});

Deno.test("features that the device withholds are neither offered nor negotiated", () => {
  const net = new ProbedNet({ features: NET_FEATURES & ~(1n << 29n) });
  net.netdev.probe();
  const features = net.netdev.detailsGet()?.features;
  assertEquals(features?.offered.includes("EVENT_IDX"), false);
  assertEquals(features?.negotiated.includes("EVENT_IDX"), false);
});

Deno.test("a running card tells the sizes of its rings, and what each vector is for", () => {
  const link = new NetLink({ queueSizes: [16, 8] });
  const details = link.netdev.detailsGet();
  assertEquals([details?.rxRings, details?.txRings], [[16], [8]]);
  assertEquals(details?.vectors, [
    { name: "config", use: "configuration changes" },
    { name: "vector of 0", use: "receive queue 0" },
    { name: "vector of 1", use: "transmit queue 0 (masked: it is polled)" },
  ]);
});

Deno.test("a card that tells how fast its link is has that told: what isn't known as such", () => {
  const link = new NetLink({ more: VIRTIO_NET_F_SPEED_DUPLEX });
  // Behind those of the transport.
  const facts = (): unknown => link.netdev.detailsGet()?.facts?.slice(2);
  assertEquals(facts(), [["speed", "unknown"], ["duplex", "unknown"]]);
  link.model.setSpeed(100_000, 1);
  assertEquals(facts(), [["speed", "100000 Mbit/s"], ["duplex", "full"]]);
  link.model.setSpeed(10, 0);
  assertEquals(facts(), [["speed", "10 Mbit/s"], ["duplex", "half"]]);
  link.model.setSpeed(0x8000_0000, 7);
  assertEquals(facts(), [["speed", "unknown"], ["duplex", "unknown"]]);
  link.model.gone = true;
  assertEquals(facts(), []);
});
