import { assert, assertEquals } from "@std/assert";
import { runNetdev } from "../../../app/run_netdev.ts";
import { NETBUF_F_DATA_VALID, NETBUF_F_PARTIAL_CSUM } from "../../../netdev/netbuf.ts";
import { NETDEV_F_PARTIAL_CSUM, NETDEV_F_RX_CSUM } from "../../../netdev/netdev_types.ts";
import { PollScheduler } from "../../../netdev/poll_scheduler.ts";
import type { HostConfig } from "../../../stack/mod.ts";
import {
  VIRTIO_NET_F_CSUM,
  VIRTIO_NET_F_GUEST_CSUM,
  VIRTIO_NET_F_MRG_RXBUF,
  type VirtioNetModel,
} from "../../device/virtio_net_model.ts";
import {
  echoFrame,
  echoReplyFromHost,
  HOST_IP,
  HOST_MAC,
  internetChecksum,
  ip,
  mac,
  padded,
} from "../../stack/frames.ts";
import { frame, NetLink, ProbedNet } from "./net_link.ts";

/** Flags of struct virtio_net_hdr (virtio 1.2 §5.1.6). */
const NEEDS_CSUM = 1;
const DATA_VALID = 2;

/** Where an ICMP message begins in a frame, and its checksum in that. */
const MESSAGE = 34;
const CHECKSUM = 2;

const BOTH = VIRTIO_NET_F_CSUM | VIRTIO_NET_F_GUEST_CSUM;

Deno.test("a device tells by its features what it does with checksums", () => {
  for (
    const [more, features] of [
      [0n, undefined],
      [VIRTIO_NET_F_CSUM, NETDEV_F_PARTIAL_CSUM],
      [VIRTIO_NET_F_GUEST_CSUM, NETDEV_F_RX_CSUM],
      [BOTH, NETDEV_F_PARTIAL_CSUM | NETDEV_F_RX_CSUM],
    ] as const
  ) {
    const net = new ProbedNet({ more });
    net.netdev.probe();
    assertEquals(net.netdev.infoGet().features, features);
  }
});

Deno.test("what the device says of a received checksum is in the netbuf, in no other one afterwards", () => {
  const link = new NetLink({ more: BOTH, netbufs: 2 });
  for (let i = 0; i < 5; i++) {
    link.model.receive(frame(60), { flags: NEEDS_CSUM, start: 34, offset: 16 });
    link.model.receive(frame(60), { flags: DATA_VALID });
    const [partial, valid] = link.burst();
    const { flags, csumStart, csumOffset } = partial;
    assertEquals([flags, csumStart, csumOffset], [NETBUF_F_PARTIAL_CSUM, 34, 16]);
    assertEquals(valid.flags, NETBUF_F_DATA_VALID);
    partial.free();
    valid.free();
    link.netdev.rxqIntrEnable(0);
    link.model.receive(frame(60));
    link.model.receive(frame(60));
    for (const netbuf of link.burst()) {
      assertEquals(netbuf.flags, 0);
      netbuf.free();
    }
    link.netdev.rxqIntrEnable(0);
  }
});

Deno.test("a device that was not allowed to leave checksums is not believed", () => {
  const link = new NetLink({ more: VIRTIO_NET_F_CSUM });
  link.model.receive(frame(60), { flags: NEEDS_CSUM, start: 5000, offset: 1 });
  const [netbuf] = link.burst();
  assertEquals(netbuf.flags, 0);
});

Deno.test("a checksum outside its frame costs the frame, and is counted; the others of a burst stay", () => {
  const link = new NetLink({ more: BOTH });
  const bad: readonly (readonly [start: number, offset: number])[] = [
    [0, 2],
    [13, 2],
    [34, 25],
    [34, 26],
    [58, 2],
    [59, 0],
    [60, 0],
    [35, 2],
    [34, 3],
    [0xffff, 0xffff],
    [0xfffe, 0xfffe],
    [34, 0xfffe],
  ];
  for (const [i, [start, offset]] of bad.entries()) {
    link.model.receive(frame(60, 1));
    link.model.receive(frame(60, 2), { flags: NEEDS_CSUM | DATA_VALID, start, offset });
    link.model.receive(frame(60, 3), { flags: NEEDS_CSUM, start: 34, offset: 24 });
    assertEquals(link.received(), [[...frame(60, 1)], [...frame(60, 3)]], `${start}, ${offset}`);
    const { drops, rxPackets, rxBytes } = link.netdev.statsGet();
    assertEquals(drops.rx_bad_checksum_offset, i + 1);
    assertEquals([rxPackets, rxBytes], [2 * (i + 1), 120 * (i + 1)]);
  }
  link.netdev.stop();
  assertEquals(link.pool.available, link.pool.size);
});

Deno.test("a checksum behind the first buffer of a frame is none that can be completed", () => {
  const link = new NetLink({ more: BOTH | VIRTIO_NET_F_MRG_RXBUF, stride: 192, netbufs: 32 });
  assert(link.model.receive(frame(400), { flags: NEEDS_CSUM, start: 34, offset: 200 }));
  assertEquals(link.received(), []);
  assertEquals(link.netdev.statsGet().drops.rx_bad_checksum_offset, 1);
  assertEquals(link.netdev.statsGet().rxBytes, 0);
  assert(link.model.receive(frame(400), { flags: NEEDS_CSUM, start: 34, offset: 6 }));
  assertEquals(link.received(), [[...frame(400)]]);
});

Deno.test("a packet with a partial checksum goes out with what the device needs to complete it", () => {
  const link = new NetLink({ more: BOTH });
  const packet = link.packet(frame(60), frame(20));
  packet.flags = NETBUF_F_PARTIAL_CSUM;
  packet.csumStart = 34;
  packet.csumOffset = 16;
  link.send(packet, link.packet(frame(60)));
  const headers = link.model.transmit().map(({ header }) => header);
  assertEquals(headers, [
    [NEEDS_CSUM, 0, 0, 0, 0, 0, 34, 0, 16, 0, 0, 0],
    new Array(12).fill(0),
  ]);
});

Deno.test("a received netbuf with a partial checksum that goes out again takes that along", () => {
  const link = new NetLink({ more: BOTH });
  link.model.receive(frame(80), { flags: NEEDS_CSUM, start: 300 & 0x3e, offset: 6 });
  link.send(...link.burst());
  assertEquals(link.model.transmit()[0].header.slice(0, 10), [1, 0, 0, 0, 0, 0, 44, 0, 6, 0]);
  link.model.receive(frame(80), { flags: DATA_VALID });
  link.send(...link.burst());
  assertEquals(link.model.transmit()[0].header, new Array(12).fill(0));
});

Deno.test("a partial checksum outside the packet is not sent, and counted", () => {
  const link = new NetLink({ more: BOTH });
  for (const [start, offset] of [[0, 2], [58, 2], [35, 2], [-2, 2]]) {
    const packet = link.packet(frame(60), frame(60));
    packet.flags = NETBUF_F_PARTIAL_CSUM;
    packet.csumStart = start;
    packet.csumOffset = offset;
    assertEquals(link.send(packet), 1);
  }
  assertEquals(link.model.transmit(), []);
  assertEquals(link.netdev.statsGet().drops.tx_bad_checksum_offset, 4);
});

Deno.test("to a device that can't complete checksums the header stays clear", () => {
  const link = new NetLink({ more: VIRTIO_NET_F_GUEST_CSUM });
  const packet = link.packet(frame(60));
  packet.flags = NETBUF_F_PARTIAL_CSUM;
  packet.csumStart = 34;
  link.send(packet);
  assertEquals(link.model.transmit()[0].header, new Array(12).fill(0));
});

/** A host on a model, and the scheduler that polls it. */
function host(
  more: bigint,
  options: Partial<HostConfig> = {},
): { readonly model: VirtioNetModel; readonly poll: () => void } {
  const net = new ProbedNet({ more, queueSizes: [8, 8] });
  net.model.config.set(mac(HOST_MAC));
  net.netdev.probe();
  const scheduler = new PollScheduler();
  const place = { address: ip(HOST_IP), prefixLength: 24, gateway: null, ...options };
  runNetdev(net.netdev, place, scheduler, {
    firstArp(): void {},
    firstEchoRequest(): void {},
    echoReply(): void {},
    resolutionFailed(): void {},
    addressConflict(): void {},
  });
  return { model: net.model, poll: () => scheduler.round(0) };
}

/** An echo request as a Linux that leaves ICMP's checksum to the device would send it. */
function partialEcho(): Uint8Array {
  const request = padded(echoFrame());
  request.fill(0, MESSAGE + CHECKSUM, MESSAGE + CHECKSUM + 2);
  return request;
}

Deno.test("a ping whose checksum is partial is answered, with a checksum that is right", () => {
  const { model, poll } = host(BOTH);
  for (let i = 0; i < 3; i++) {
    model.receive(partialEcho(), { flags: NEEDS_CSUM, start: MESSAGE, offset: CHECKSUM });
    poll();
    const [reply] = model.transmit();
    assertEquals(reply.frame, [...echoReplyFromHost()]);
    assertEquals(reply.header, new Array(12).fill(0));
  }
});

Deno.test("a ping whose checksum is wrong is not answered, whatever the device says of it", () => {
  const { model, poll } = host(BOTH);
  model.receive(partialEcho(), { flags: DATA_VALID });
  model.receive(partialEcho());
  poll();
  assertEquals(model.transmit(), []);
});

Deno.test("a reply leaves its checksum to the device when that is asked for, and right when it can't", () => {
  for (const more of [BOTH, VIRTIO_NET_F_CSUM, VIRTIO_NET_F_GUEST_CSUM, 0n]) {
    const { model, poll } = host(more, { leaveChecksums: true });
    model.receive(padded(echoFrame()));
    poll();
    const [reply] = model.transmit();
    const bytes = Uint8Array.from(reply.frame);
    if ((more & VIRTIO_NET_F_CSUM) === 0n) {
      assertEquals(reply.header, new Array(12).fill(0));
    } else {
      assertEquals(reply.header, [NEEDS_CSUM, 0, 0, 0, 0, 0, MESSAGE, 0, CHECKSUM, 0, 0, 0]);
      // What the device does (§5.1.6.2.1): from csum_start to the end of the packet.
      const checksum = internetChecksum(bytes.slice(MESSAGE));
      bytes.set([checksum >>> 8, checksum & 0xff], MESSAGE + CHECKSUM);
    }
    assertEquals([...bytes], [...echoReplyFromHost()]);
  }
});
