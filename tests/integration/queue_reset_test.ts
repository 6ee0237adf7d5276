import { assert, assertEquals, assertGreater } from "@std/assert";
import { connectAbstract, listenPath } from "../../drivers/ffi/unix_socket.ts";
import { QmpClient } from "../../drivers/pci/qemu/qmp_client.ts";
import type { VirtioNetOptions } from "../../drivers/virtio/virtio_net_card.ts";
import type { VirtioTransport } from "../../drivers/virtio/virtio_transport.ts";
import { echoFrame, echoReplyFromHost } from "../stack/frames.ts";
import { Appliance } from "./appliance.ts";
import { FloodThread } from "./flood_thread.ts";
import { StreamPort } from "./frame_port.ts";
import { QemuCard } from "./qemu_card.ts";

const TRANSMITQ = 1;
const LOOK_MS = 2000;
const PATIENCE_MS = 40_000;
const ROUNDS = 5;
/** Nothing more is answered once so long nothing was. */
const SILENCE_MS = 100;

/** What QEMU tells of a queue (QMP: x-query-virtio-queue-status). */
interface QueueStatus {
  readonly "vring-desc": number;
}

/** A card whose transmit queue isn't notified while it's `mute`, and which may then be reset alone. */
class MutedDoorbell {
  mute = false;
  resets = 0;

  constructor(transport: VirtioTransport) {
    const queueEnable = transport.queueEnable.bind(transport);
    transport.queueEnable = (index, addresses) => {
      const doorbell = queueEnable(index, addresses);
      return {
        ring: () => {
          if (index !== TRANSMITQ || !this.mute) doorbell.ring();
        },
      };
    };
    const { queueReset } = transport;
    assert(queueReset, "QEMU's card has a register to reset a queue by");
    const begin = (index: number): void => {
      this.resets++;
      queueReset.begin(index);
    };
    // Its network takes all frames, so QEMU holds none, and lives through it.
    const value = { begin, finish: queueReset.finish, sparesStuck: true };
    Object.defineProperty(transport, "queueReset", { value });
  }
}

/** A queue of QEMU's only network card, as its operator sees it. */
function queueStatus(card: QemuCard, queue: number): QueueStatus {
  using socket = connectAbstract(`${card.hub}-monitor`);
  const qmp = new QmpClient(socket);
  qmp.execute("qmp_capabilities");
  const devices = qmp.execute("x-query-virtio") as readonly { name: string; path: string }[];
  const path = devices.find(({ name }) => name === "virtio-net")?.path;
  assert(path !== undefined, "QEMU has a virtio network card");
  return qmp.execute("x-query-virtio-queue-status", { path, queue }) as QueueStatus;
}

for (const ring of ["split", "packed"] as const) {
  Deno.test(`${ring}: QEMU's card lost a kick under a flood: its transmit queue alone is reset, ${ROUNDS} times`, async () => {
    await using card = await QemuCard.start({ properties: ring === "packed" ? "packed=on" : "" });
    const failures: string[] = [];
    const options: VirtioNetOptions = { ring, onFailure: (reason) => failures.push(reason) };
    const netdev = card.probe(options);
    assert(netdev.detailsGet()?.features.negotiated.includes("RING_RESET"));
    const doorbell = new MutedDoorbell(card.transport);
    const running = card.run(netdev);
    const { host, networkInterface, pool } = running;
    await using flood = new FloodThread({ hub: card.hub, resendAfter: SILENCE_MS });
    let wanted = 1000;
    let answered = 0;
    let changedAt = 0;
    let time = 0;
    const over = await card.runUntil(running, (now) => {
      if (failures.length > 0 || flood.failure !== null) return true;
      const { echoRequestsAnswered } = host.counters();
      if (!doorbell.mute) {
        if (echoRequestsAnswered < wanted) return false;
        if (doorbell.resets === ROUNDS) return true;
        doorbell.mute = true;
        answered = -1;
      }
      if (echoRequestsAnswered !== answered) {
        answered = echoRequestsAnswered;
        changedAt = now;
      }
      if (now - changedAt < SILENCE_MS) return false;
      const before = queueStatus(card, TRANSMITQ);
      const { resets } = doorbell;
      for (let look = 0; look < 4; look++) netdev.watchdog(time += LOOK_MS);
      // QEMU had no time for what it was told of before, or there's nothing to send yet.
      if (doorbell.resets === resets) return false;
      assertEquals(queueStatus(card, TRANSMITQ)["vring-desc"], before["vring-desc"]);
      assertGreater(before["vring-desc"], 0, "a queue that is enabled");
      doorbell.mute = false;
      wanted = echoRequestsAnswered + 1000;
      return false;
    }, PATIENCE_MS);
    assertEquals([failures, flood.failure, card.gone], [[], null, null]);
    assert(over, `${doorbell.resets} resets, ${host.counters().echoRequestsAnswered} answered`);
    const { tx_timeout } = netdev.statsGet().drops;
    assertEquals([doorbell.resets, flood.totals.wrong], [ROUNDS, 0]);
    assertGreater(tx_timeout, ROUNDS - 1);
    networkInterface.suspend();
    netdev.close();
    assertEquals(pool.available, pool.size);
  });
}

/**
 * Requests for which there are more replies than the socket takes, some 280 with Linux's usual 208 KiB;
 * but fewer than fill the ring of 256 as well, as nobody would read requests then.
 */
const REQUESTS = 450;
const STATION = { source: "02:75:0a:00:02:62", from: "10.0.2.98" };
/** All that the host sends is of 60 bytes then: QEMU may mix two that it did not get rid of. */
const PAYLOAD = new Uint8Array(18).fill(7);

/** A folder with a QEMU in it whose card is on a stream socket itself, without a hub in between. */
async function folderWithStreamingQemu(folder: string): Promise<string> {
  const stream = `stream,id=nic-port,server=off,addr.type=unix,addr.path=${folder}/network`;
  const script = `#!/bin/bash
args=()
for arg in "$@"; do
  [ "$arg" = hubport,id=nic-port,hubid=0 ] && arg=${stream}
  args+=("$arg")
done
exec /usr/bin/qemu-system-x86_64 "\${args[@]}"
`;
  await Deno.writeTextFile(`${folder}/qemu-system-x86_64`, script, { mode: 0o755 });
  return `${folder}:/usr/local/bin:/usr/bin:/bin`;
}

Deno.test("QEMU's card on a network that takes nothing is reset, lives, and answers when it takes again", async () => {
  const folder = await Deno.makeTempDir({ dir: "/tmp", prefix: "ukdeno-stuck-" });
  {
    using listener = listenPath(`${folder}/network`, 1);
    const path = await folderWithStreamingQemu(folder);
    await using appliance = new Appliance(["--ip=10.0.2.15/24", "--netdev=hubport,hubid=1"], {
      path,
    });
    await appliance.event("ready");
    const socket = listener.accept();
    assert(socket !== null);
    using port = new StreamPort(socket);
    const request = (sequence: number): Uint8Array<ArrayBuffer> =>
      Uint8Array.from(echoFrame(STATION, { sequence, payload: PAYLOAD }));
    for (let sequence = 1; sequence <= REQUESTS; sequence++) port.send(request(sequence));
    const { reason } = await appliance.event("reset");
    assertEquals(
      reason,
      "pci 00:02.0 stands still: its transmit queue has sent nothing for 5 s",
    );
    // Takes all that there is, and asks again.
    while (port.next(500) !== null);
    const last = REQUESTS + 1;
    port.send(request(last));
    const reply = echoReplyFromHost({ destination: STATION.source, to: STATION.from }, {
      sequence: last,
      payload: PAYLOAD,
    });
    let frame = port.next(PATIENCE_MS);
    while (frame !== null && !reply.every((byte, i) => frame?.[i] === byte)) {
      frame = port.next(PATIENCE_MS);
    }
    assert(frame !== null, "no answer any more");
    const { status, stderr } = await appliance.stop();
    assertEquals([status.code, stderr], [0, ""]);
  }
  await Deno.remove(folder, { recursive: true });
});
