import { assertEquals } from "@std/assert";
import {
  VIRTIO_NET_F_CTRL_VQ,
  VIRTIO_NET_F_NOTF_COAL,
  VIRTIO_NET_F_VQ_NOTF_COAL,
} from "../../device/virtio_net_model.ts";
import { NetLink } from "./net_link.ts";

const COALESCING = { maxPackets: 32, maxMicroseconds: 70_000 };

Deno.test("coalescing is set for all queues of a direction, and told again after a reset", () => {
  const link = new NetLink({ more: VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_NOTF_COAL });
  link.driver.tell((control) => control.setCoalescing("rx", COALESCING));
  link.driver.tell((control) => control.setCoalescing("tx", { maxPackets: 1, maxMicroseconds: 0 }));
  assertEquals(link.model.control.commands, ["6.1 2000000070110100", "6.0 0100000000000000"]);
  link.netdev.stop();
  assertEquals(link.model.card.coalescing.size, 0);
  link.netdev.start();
  assertEquals([...link.model.card.coalescing], [["rx", [32, 70_000]], ["tx", [1, 0]]]);
});

Deno.test("coalescing may be asked for from the beginning, and is for cards that can", () => {
  const coalescing = { rx: COALESCING };
  const more = VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_NOTF_COAL;
  const link = new NetLink({ more, coalescing });
  assertEquals([...link.model.card.coalescing], [["rx", [32, 70_000]]]);
  const other = new NetLink({ more: VIRTIO_NET_F_CTRL_VQ, coalescing });
  assertEquals(other.model.control.commands, []);
});

Deno.test("coalescing of one queue is set and read, until that of all queues is set", () => {
  const more = VIRTIO_NET_F_CTRL_VQ | VIRTIO_NET_F_NOTF_COAL | VIRTIO_NET_F_VQ_NOTF_COAL;
  const link = new NetLink({ more });
  link.driver.tell((control) => control.setQueueCoalescing(0, COALESCING));
  link.driver.tell((control) => control.setQueueCoalescing(1, COALESCING));
  assertEquals(link.driver.control.queueCoalescing(0), COALESCING);
  link.driver.tell((control) => control.setCoalescing("rx", COALESCING));
  link.netdev.stop();
  assertEquals(link.driver.control.queueCoalescing(0), null);
  link.netdev.start();
  assertEquals([...link.model.card.coalescing.keys()], ["rx", 1]);
  assertEquals(link.driver.control.queueCoalescing(1), COALESCING);
});
