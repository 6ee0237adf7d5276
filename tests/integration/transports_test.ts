import { assert, assertEquals } from "@std/assert";
import { connectAbstract, type UnixSocket } from "../../drivers/ffi/unix_socket.ts";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { PciBus } from "../../drivers/pci/pci_bus.ts";
import { IVSHMEM_VECTORS } from "../../drivers/pci/qemu/ivshmem_bridge.ts";
import { QmpClient } from "../../drivers/pci/qemu/qmp_client.ts";
import type { InterruptMode } from "../../drivers/virtio/virtio_transport.ts";
import { monotonicClock } from "../../netdev/clock.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { NetbufPool } from "../../netdev/netbuf_pool.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { BROADCAST_MAC, ethernetFrame, HOST_MAC } from "../stack/frames.ts";
import { type FramePort, StreamPort } from "./frame_port.ts";
import { QemuCard, type QemuCardOptions } from "./qemu_card.ts";

const PATIENCE_MS = 30_000;
const ROUNDS = 20;
const LEGACY = "disable-modern=on";

/** A way to reach a card, and what is to come out. */
interface Case {
  readonly name: string;
  readonly card: QemuCardOptions;
  /** The ways to interrupt that are allowed, where not all of them are. */
  readonly interruptModes?: readonly InterruptMode[];
  readonly kind: string;
  readonly mode: InterruptMode;
  /** What tells of what. */
  readonly vectors: readonly string[];
}

const EACH = ["msi-x 0: config", "msi-x 1: 0", "msi-x 2: 1"];
const SHARED = ["msi-x 0: config", "msi-x 1: 0"];
const ALL = (name: string): string[] => [`${name}: config 0`];

function pci(
  properties: string,
  mode: InterruptMode,
  vectors: readonly string[],
  more: Partial<Case> = {},
): Case {
  const kind = properties.includes(LEGACY) ? "virtio-pci legacy" : "virtio-pci modern";
  const forced = more.interruptModes === undefined ? "" : `, only ${more.interruptModes.join()}`;
  const name = `virtio-net-pci,${properties}${forced}`;
  return { name, card: { properties }, kind, mode, vectors, ...more };
}

function mmio(version: 1 | 2): Case {
  const kind = `virtio-mmio version ${version}`;
  return { name: kind, card: { mmio: version }, kind, mode: "wire", vectors: ALL("wire") };
}

const CASES: readonly Case[] = [
  pci("vectors=4", "msi-x per queue", EACH),
  pci("vectors=2", "msi-x shared", SHARED),
  pci("vectors=1", "intx", ALL("intx")),
  pci("vectors=0", "intx", ALL("intx")),
  pci("vectors=4", "intx", ALL("intx"), { interruptModes: ["intx"] }),
  pci("vectors=4", "polling", [], { interruptModes: ["polling"] }),
  // Both interfaces: the modern one is taken.
  pci("disable-legacy=off,disable-modern=off", "msi-x per queue", EACH),
  pci(`${LEGACY},vectors=4`, "msi-x per queue", EACH),
  pci(`${LEGACY},vectors=2`, "msi-x shared", SHARED),
  pci(`${LEGACY},vectors=0`, "intx", ALL("intx")),
  pci(`${LEGACY},vectors=0,mrg_rxbuf=off,event_idx=off`, "intx", ALL("intx")),
  pci(`${LEGACY},vectors=4`, "polling", [], { interruptModes: ["polling"] }),
  mmio(2),
  mmio(1),
];

for (const test of CASES) {
  Deno.test(`${test.name}: ${test.mode}; frames both ways, link changes, and again after a reset`, async () => {
    await using station = await Station.open(test);
    const { transport } = station.card;
    for (let round = 0; round < 2; round++) {
      station.netdev.start();
      assertEquals([transport.kind, transport.interruptMode], [test.kind, test.mode]);
      assertEquals(transport.vectors.map(vectorText), test.vectors);
      for (let i = 0; i < ROUNDS; i++) await station.echo(i);
      const { interrupts } = station.netdev.statsGet();
      if (test.mode === "polling") assertEquals(interrupts, 0);
      else await station.followsLink();
      station.netdev.stop();
    }
  });
}

Deno.test("on a bus that is short of eventfds queues share a vector, and doorbells are written", async () => {
  await using station = await Station.open(CASES[0], (card, operator) => {
    const { host } = card;
    if (!("doorbell" in host)) throw new Error("a card on PCI is needed");
    // Of the bridge's eventfds others have all doorbells, which lead to plain memory here, and all
    // interrupts but two.
    const bar = { index: 0, space: "memory", byteLength: 4096, address: 0x20_0000 } as const;
    for (let i = 0; i < IVSHMEM_VECTORS; i++) host.doorbell(bar, 0, 0);
    const other = { driver: "virtio-serial-pci", "disable-legacy": "on", addr: "9" };
    operator.execute("device_add", { ...other, vectors: IVSHMEM_VECTORS });
    const serial = new PciBus(host).scan().find(({ address }) => address.device === 9);
    serial?.enable();
    if (serial !== undefined) host.enableMsix(serial, IVSHMEM_VECTORS - 2);
  });
  station.netdev.start();
  for (let i = 0; i < ROUNDS; i++) await station.echo(i);
  await station.followsLink();
  assertEquals(station.card.transport.interruptMode, "msi-x shared");
});

function vectorText(
  { name, config, queues }: { name: string; config: boolean; queues: readonly number[] },
): string {
  return `${name}: ${[...config ? ["config"] : [], ...queues].join(" ")}`;
}

/** A configured card, and a place on its network. */
class Station implements AsyncDisposable {
  readonly netdev: Netdev;
  readonly card: QemuCard;
  readonly #port: FramePort;
  readonly #polled: boolean;
  readonly #pool: NetbufPool;
  readonly #links: boolean[];
  readonly #monitor: UnixSocket;
  readonly #operator: QmpClient;
  readonly #netbufs: Netbuf[] = [];
  #events = 0;

  private constructor(
    test: Case,
    card: QemuCard,
    port: FramePort,
    monitor: UnixSocket,
    operator: QmpClient,
  ) {
    this.card = card;
    this.#port = port;
    this.#monitor = monitor;
    this.#operator = operator;
    this.#polled = test.mode === "polling";
    this.#links = [];
    const onLink = (up: boolean): void => void this.#links.push(up);
    const { interruptModes } = test;
    const options = interruptModes === undefined ? {} : { interruptModes };
    this.netdev = card.probe({ onLink }, options);
    assertEquals(this.netdev.infoGet().rxqInterrupts, !this.#polled);
    this.netdev.configure({ rxQueues: 1, txQueues: 1 });
    this.#pool = this.netdev.poolCreate({ count: 2200 });
    this.netdev.rxqConfigure(0, 0, { pool: this.#pool, onEvent: () => this.#events++ });
    this.netdev.txqConfigure(0, 0);
  }

  /** Starts QEMU, has `prepare` change something about it, and probes the card. */
  static async open(
    test: Case,
    prepare: (card: QemuCard, operator: QmpClient) => void = () => {},
  ): Promise<Station> {
    const card = await QemuCard.start(test.card);
    try {
      const monitor = connectAbstract(`${card.hub}-monitor`);
      const operator = new QmpClient(monitor);
      operator.execute("qmp_capabilities");
      prepare(card, operator);
      const { socket, headerSent } = await connectHub(card.hub);
      return new Station(test, card, new StreamPort(socket, headerSent), monitor, operator);
    } catch (error) {
      await card[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Armed before a frame is sent, the card interrupts for it; what came in goes out again. */
  async echo(round: number): Promise<void> {
    const { netdev } = this;
    while (!this.#polled && netdev.rxqIntrEnable(0) === 1) this.#drain();
    const before = this.#events;
    const frame = numbered(round);
    this.#port.send(frame);
    if (!this.#polled) {
      assert(await this.#until(() => this.#events > before), `round ${round}: no interrupt`);
    }
    const netbuf = await this.#receive(frame);
    assertEquals(netdev.txBurst(0, [netbuf], 0, 1), 1);
    for (;;) {
      const seen = this.#port.next(PATIENCE_MS);
      assert(seen !== null, `round ${round}: nothing came out`);
      if (seen.length === frame.length && seen.every((byte, i) => byte === frame[i])) return;
    }
  }

  /** An operator takes the link down, and up again. */
  async followsLink(): Promise<void> {
    for (const up of [false, true]) {
      this.#links.length = 0;
      this.#operator.execute("set_link", { name: "nic", up });
      assert(await this.#until(() => this.#links.length > 0), `link ${up} went by unseen`);
      assertEquals([this.#links, this.netdev.linkGet()], [[up], up]);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#monitor[Symbol.dispose]();
    this.#port[Symbol.dispose]();
    this.netdev.close();
    await this.card[Symbol.asyncDispose]();
  }

  /** Receives until this frame comes: others are on the network, too. */
  async #receive(frame: Uint8Array): Promise<Netbuf> {
    let found: Netbuf | null = null;
    const came = await this.#until(() => {
      const count = this.netdev.rxBurst(0, this.#netbufs, 8);
      for (const netbuf of this.#netbufs.splice(0, count)) {
        if (found === null && isFrame(netbuf, frame)) found = netbuf;
        else netbuf.free();
      }
      return found !== null;
    });
    if (!came || found === null) throw new Error("the frame never came in");
    return found;
  }

  #drain(): void {
    const count = this.netdev.rxBurst(0, this.#netbufs, 8);
    for (const netbuf of this.#netbufs.splice(0, count)) netbuf.free();
  }

  async #until(done: () => boolean): Promise<boolean> {
    const deadline = monotonicClock.now() + PATIENCE_MS;
    while (!done()) {
      const now = monotonicClock.now();
      if (now >= deadline) return false;
      await this.card.waiter.sleep(this.#polled ? now + 1 : deadline);
    }
    return true;
  }
}

function numbered(round: number): Uint8Array<ArrayBuffer> {
  const payload = new Uint8Array(100).fill(round + 1);
  return Uint8Array.from(ethernetFrame({ destination: BROADCAST_MAC, source: HOST_MAC }, payload));
}

function isFrame({ region, data, length }: Netbuf, frame: Uint8Array): boolean {
  return length === frame.length && frame.every((byte, i) => region.u8[data + i] === byte);
}
