import { assert, assertEquals } from "@std/assert";
import { NetworkNamespace, tapTest } from "../linux/network_namespace.ts";
import { Appliance, countersOf, runMain } from "./appliance.ts";
import { Capture } from "./capture.ts";

const APPLIANCE = "10.0.2.15";
const PEER = "10.0.2.100";
const PAYLOADS = [0, 1, 7, 56, 1001, 1472];
const PINGS_EACH = 3;

/**
 * A QEMU whose NIC is on the TAP interface itself, which takes checksums; the hub that it would be on
 * doesn't.
 */
const WITHOUT_HUB = `#!/bin/sh
for arg do
  shift
  case "$arg" in
    tap,*,id=net) arg="\${arg%net}nic-port" ;;
    hubport,id=net-port,*) arg="hubport,id=net-port,hubid=1" ;;
    hubport,id=nic-port,*) arg="hubport,id=spare-port,hubid=1" ;;
  esac
  set -- "$@" "$arg"
done
exec /usr/bin/qemu-system-x86_64 "$@"
`;

/**
 * The appliance's replies leave it without a checksum, and QEMU hands them to Linux so. Linux makes it
 * when a frame leaves by an interface that has none of that: tap1, across a bridge, where another
 * appliance pings and records. tshark judges what each of the two recorded.
 */
tapTest(
  "ICMP replies whose checksum is left to QEMU's card and TAP are right on the wire",
  async () => {
    const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-checksum-" });
    await Deno.writeTextFile(`${folder}/qemu-system-x86_64`, WITHOUT_HUB, { mode: 0o755 });
    using namespace = new NetworkNamespace();
    const within = namespace.prefix;
    await namespace.ip("link", "add", "br0", "type", "bridge");
    await namespace.ip("link", "set", "br0", "up");
    await namespace.ip("tuntap", "add", "dev", "tap1", "mode", "tap");
    await namespace.ip("link", "set", "tap1", "master", "br0", "up");
    await using appliance = new Appliance([
      `--ip=${APPLIANCE}/24`,
      "--netdev=tap,ifname=tap0,script=no,downscript=no,vhost=off",
      "--tx-checksum=nic",
      `--pcap=${folder}/left.pcap`,
    ], { within, path: `${folder}:/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin` });
    await appliance.event("ready");
    const features = (await appliance.event("device")).features as string[];
    assert(features.includes("CSUM") && features.includes("GUEST_CSUM"), features.join(" "));
    await namespace.ip("link", "set", "tap0", "master", "br0", "up");
    for (const payload of PAYLOADS) {
      const { code, stdout, stderr } = await runMain([
        ...["ping", "--device=tap:tap1", `--ip=${PEER}/24`, `--pcap=${folder}/${payload}.pcap`],
        ...["-c", `${PINGS_EACH}`, "-i", "0.05", "-s", `${payload}`, APPLIANCE],
      ], { within });
      assertEquals([code, stderr], [0, ""], stdout);
      const wire = await Capture.read(`${folder}/${payload}.pcap`);
      const replies = wire.where((frame) => frame.icmpType === "0");
      assertEquals(replies.length, PINGS_EACH);
      // 1 means good (tshark -G fields: icmp.checksum.status).
      assertEquals(replies.filter(({ icmpChecksum }) => icmpChecksum !== "1"), []);
      assertEquals(wire.where(({ warning }) => warning !== ""), []);
    }
    assertEquals((await appliance.stop()).status.code, 0);
    const { host } = countersOf(await appliance.event("stopped"));
    assertEquals(host.echoRequestsAnswered, PINGS_EACH * PAYLOADS.length);
    const left = await Capture.read(`${folder}/left.pcap`);
    await Deno.remove(folder, { recursive: true });
    const replies = left.where((frame) => frame.icmpType === "0");
    assertEquals(replies.length, PINGS_EACH * PAYLOADS.length);
    assertEquals(
      replies.filter(({ icmpChecksum }) => icmpChecksum !== "0"),
      [],
      "none was made here",
    );
  },
);
