import { assert, assertEquals, assertGreaterOrEqual } from "@std/assert";
import { Appliance, countersOf, runMain } from "./appliance.ts";
import { Capture, folderWithDumpingQemu } from "./capture.ts";

const APPLIANCE = "10.0.2.15";
const GATEWAY = "10.0.2.2";
const PEER = "10.0.2.100";
const APPLIANCE_MAC = "02:75:0a:00:02:0f";
const PAYLOADS = [0, 1, 7, 55, 56, 1472];
const PINGS_EACH = 2;

/** Octets of the shortest frame without checksum (IEEE 802.3 §4A.4.2: 64 with it). */
const MIN_FRAME = 60;

Deno.test("on the wire: ARP and ICMP as they should be, judged by tshark", async () => {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-wire-" });
  const path = await folderWithDumpingQemu(folder);
  {
    await using appliance = new Appliance([], { path });
    await appliance.event("gateway");
    for (const payload of PAYLOADS) {
      const flags = ["-s", `${payload}`, "-c", `${PINGS_EACH}`, "-i", "0.1"];
      const { code, stdout } = await runMain(["ping", `--hub=${appliance.hub}`, ...flags]);
      assertEquals(code, 0, stdout);
    }
    // The second announcement comes 2 s after the first (RFC 5227 §2.3), or later on a busy machine.
    for (let asked = 1, sent = 0; sent < 2; asked++) {
      await new Promise((resolve) => setTimeout(resolve, 50));
      appliance.kill("SIGUSR2");
      sent = countersOf(await appliance.nthEvent(asked, "counters")).host.arpAnnouncementsSent;
    }
    const { status } = await appliance.stop();
    assertEquals(status.code, 0);
  }
  const capture = await Capture.read(`${folder}/wire.pcap`);
  await Deno.remove(folder, { recursive: true });
  checkComplaints(capture);
  checkChecksums(capture);
  checkArp(capture);
  checkEcho(capture);
  checkPadding(capture);
});

/** Nothing that Wireshark's experts would warn of. */
function checkComplaints(capture: Capture): void {
  assertEquals(capture.where((frame) => frame.warning !== ""), []);
  assertEquals(capture.where((frame) => frame.malformed !== ""), []);
}

function checkChecksums(capture: Capture): void {
  const ip = capture.where((frame) => frame.ipSource !== "");
  assertGreaterOrEqual(ip.length, 2 + 2 * PINGS_EACH * PAYLOADS.length);
  // 1 means good (tshark -G fields: ip.checksum.status).
  assertEquals(ip.filter((frame) => frame.ipChecksum !== "1"), []);
  assertEquals(ip.filter((frame) => frame.icmpChecksum !== "1"), []);
}

function checkArp(capture: Capture): void {
  const requests = capture.where((frame) => frame.arpOpcode === "1");
  const announcements = requests.filter((frame) =>
    frame.arpSender === APPLIANCE && frame.arpTarget === APPLIANCE
  );
  assertEquals(announcements.length, 2);
  for (const frame of announcements) {
    assertEquals(frame.ethDestination, "ff:ff:ff:ff:ff:ff");
    assertEquals(frame.ethSource, APPLIANCE_MAC);
  }
  const forUs = requests.filter((frame) =>
    frame.arpTarget === APPLIANCE && frame.arpSender !== APPLIANCE
  );
  const replies = capture.where((frame) =>
    frame.arpOpcode === "2" && frame.arpSender === APPLIANCE
  );
  assertEquals(replies.length, forUs.length);
  for (const frame of replies) {
    assertEquals(frame.arpSenderMac, APPLIANCE_MAC);
    assertEquals(frame.arpTarget, PEER);
    assertEquals(frame.ethDestination, frame.arpTargetMac);
  }
}

function checkEcho(capture: Capture): void {
  const toGateway = capture.where((frame) =>
    frame.icmpType === "8" && frame.ipDestination === GATEWAY
  );
  assertEquals(toGateway.length, 1);
  const fromGateway = capture.where((frame) =>
    frame.icmpType === "0" && frame.ipSource === GATEWAY
  );
  assertEquals(fromGateway.length, 1);

  const requests = capture.where((frame) =>
    frame.icmpType === "8" && frame.ipDestination === APPLIANCE
  );
  assertEquals(requests.length, PINGS_EACH * PAYLOADS.length);
  for (const request of requests) {
    const replies = capture.where((frame) =>
      frame.icmpType === "0" && frame.ipSource === APPLIANCE &&
      frame.icmpId === request.icmpId && frame.icmpSequence === request.icmpSequence
    );
    assertEquals(replies.length, 1, "one reply to each request");
    const [reply] = replies;
    assertEquals(reply.icmpData, request.icmpData);
    assertEquals(reply.ipLength, request.ipLength);
    assertEquals(reply.ipTtl, "64");
    assertEquals(reply.ipDestination, request.ipSource);
    assertEquals(reply.ethDestination, request.ethSource);
    assertEquals(reply.ethSource, APPLIANCE_MAC);
  }
  const lengths = new Set(requests.map((frame) => Number(frame.ipLength) - 28));
  assertEquals([...lengths].sort((a, b) => a - b), PAYLOADS);
}

/** Short frames are filled up to the shortest that Ethernet allows, with zeros (RFC 894). */
function checkPadding(capture: Capture): void {
  const ours = capture.where((frame) => frame.ethSource === APPLIANCE_MAC);
  assert(ours.some((frame) => frame.padding !== ""), "some frames are short");
  for (const frame of ours) {
    assertGreaterOrEqual(Number(frame.length), MIN_FRAME);
    assertEquals(frame.padding.replaceAll("0", ""), "");
    const longer = Number(frame.length) > MIN_FRAME;
    assertEquals(longer ? frame.padding : "", "", "nothing behind a frame that is long enough");
  }
}
