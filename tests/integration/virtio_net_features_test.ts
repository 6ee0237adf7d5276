import { assert, assertEquals, assertMatch } from "@std/assert";
import { NIC_ID } from "../../drivers/pci/qemu/qemu_command_line.ts";
import { BROADCAST_MAC, echoFrame, echoReplyFromHost, ethernetFrame } from "../stack/frames.ts";
import { countersOf, runMain } from "./appliance.ts";
import type { FramePort } from "./frame_port.ts";
import { OperatedAppliance } from "./operator.ts";

const MAC = "02:75:0a:00:02:62";
const IP = "10.0.2.98";
const APPLIANCE_IP = [10, 0, 2, 15];
const SILENCE_MS = 20_000;
const ABSENCE_MS = 200;

/** ARP's request (RFC 826), behind the Ethernet header: for Ethernet and IPv4. */
const ARP_REQUEST = [0x08, 0x06, 0, 1, 8, 0, 6, 4, 0, 1];

function isAnswered(port: FramePort, sequence: number, silenceMs: number): boolean {
  port.send(Uint8Array.from(echoFrame({ source: MAC, from: IP }, { sequence })));
  const expected = echoReplyFromHost({ destination: MAC, to: IP }, { sequence });
  for (;;) {
    const frame = port.next(silenceMs);
    if (frame === null) return false;
    if (expected.every((byte, i) => frame[i] === byte)) return true;
  }
}

/** Whether a frame is an ARP announcement of the appliance's (RFC 5227 §1.2.1). */
function announces(frame: Uint8Array): boolean {
  const at = (offset: number, bytes: readonly number[]): boolean =>
    bytes.every((byte, i) => frame[offset + i] === byte);
  const toAll = [0xff, 0xff, 0xff, 0xff, 0xff, 0xff];
  return at(0, toAll) && at(12, ARP_REQUEST) && at(28, APPLIANCE_IP) && at(38, APPLIANCE_IP);
}

Deno.test("QMP set_link: the link follows, pings stop and resume, and the host announces itself", async () => {
  await using operated = await OperatedAppliance.start();
  const { appliance, qmp, port } = operated;
  for (let round = 1; round <= 3; round++) {
    const sequence = 10 * round;
    assert(isAnswered(port, sequence, SILENCE_MS), `round ${round}: no answer`);
    qmp.execute("set_link", { name: NIC_ID, up: false });
    assertEquals((await appliance.nthEvent(2 * round - 1, "link")).up, false);
    assert(!isAnswered(port, sequence + 1, ABSENCE_MS), `round ${round}: a link that is no link`);
    qmp.execute("set_link", { name: NIC_ID, up: true });
    assertEquals((await appliance.nthEvent(2 * round, "link")).up, true);
    let frame = port.next(SILENCE_MS);
    while (frame !== null && !announces(frame)) frame = port.next(SILENCE_MS);
    assert(frame !== null, `round ${round}: nothing announced`);
    assert(isAnswered(port, sequence + 2, SILENCE_MS), `round ${round}: no answer any more`);
  }
  assertEquals((await appliance.stop()).status.code, 0);
});

Deno.test("QMP announce-self: the host announces itself on the wire", async () => {
  await using operated = await OperatedAppliance.start();
  const { appliance, qmp, port } = operated;
  await appliance.event("gateway");
  // Until the host's own announcements, 2 s apart, are over (RFC 5227 §2.3).
  while (port.next(2500) !== null);
  qmp.execute("announce-self", { initial: 50, max: 550, rounds: 1, step: 50 });
  await appliance.event("announcing");
  let frame = port.next(SILENCE_MS);
  while (frame !== null && !announces(frame)) frame = port.next(SILENCE_MS);
  assert(frame !== null, "nothing announced");
  assertEquals((await appliance.stop()).status.code, 0);
});

Deno.test("frames for other stations and for groups stay out: the card drops them", async () => {
  await using operated = await OperatedAppliance.start();
  const { appliance, port } = operated;
  const others = ethernetFrame({ destination: "02:00:00:00:00:77" }, new Uint8Array(46));
  const group = ethernetFrame({ destination: "01:00:5e:00:00:fb" }, new Uint8Array(46));
  const all = ethernetFrame({ destination: BROADCAST_MAC }, new Uint8Array(46));
  for (const frame of [others, group, all]) port.send(Uint8Array.from(frame));
  assert(isAnswered(port, 1, SILENCE_MS));
  assertEquals((await appliance.stop()).status.code, 0);
  const { host } = countersOf(await appliance.event("stopped"));
  assertEquals(Object.values(host.drops).reduce((sum, count) => sum + count, 0), 1, "of all");
});

Deno.test("an offer of commands without a control queue is refused in one line", async () => {
  const card = "--device=qemu:virtio-net-pci,ctrl_vq=off";
  const { code, stderr } = await runMain(["info", card]);
  assertEquals(code, 1);
  assertMatch(
    stderr,
    /^ukdeno: pci 00:02\.0 offers VIRTIO_NET_F_\w+ without VIRTIO_NET_F_CTRL_VQ, which can't be\n$/,
  );
});

Deno.test("a card without commands at all is promiscuous, and works", async () => {
  const off = ["ctrl_vq", "ctrl_rx", "ctrl_vlan", "ctrl_rx_extra", "ctrl_mac_addr"];
  const properties = [...off, "guest_announce"].map((name) => `${name}=off`).join(",");
  const device = `--device=qemu:virtio-net-pci,${properties}`;
  await using operated = await OperatedAppliance.start(device);
  const { appliance, port } = operated;
  const features = (await appliance.event("device")).features as string[];
  assertEquals(features.filter((name) => /^CTRL_|ANNOUNCE/.test(name)), []);
  assert(isAnswered(port, 1, SILENCE_MS));
});
