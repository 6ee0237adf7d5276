import { assert, assertEquals } from "@std/assert";
import { connectHub } from "../../drivers/hub/hub_port.ts";
import type { PciDevice } from "../../drivers/pci/pci_device.ts";
import { NIC_ID } from "../../drivers/pci/qemu/qemu_command_line.ts";
import { VirtioBus } from "../../drivers/virtio/virtio_bus.ts";
import { type VirtioNet, virtioNetDriver } from "../../drivers/virtio/virtio_net.ts";
import { ReceiveMode } from "../../drivers/virtio/virtio_net_commands.ts";
import { VirtioPciModern } from "../../drivers/virtio/virtio_pci_modern.ts";
import { monotonicClock } from "../../netdev/clock.ts";
import type { Netbuf } from "../../netdev/netbuf.ts";
import type { Netdev } from "../../netdev/netdev.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { BareHost } from "../drivers/pci/qemu/bare_host.ts";
import { ethernetFrame } from "../stack/frames.ts";
import { StreamPort } from "./frame_port.ts";

const CARDS_MAC = "02:75:0a:00:02:0f";
const OTHER_MAC = "02:00:00:00:00:09";
const GROUP = "01:00:5e:00:00:fb";

/** Offset of the status field in struct virtio_net_config, and VIRTIO_NET_S_ANNOUNCE (virtio 1.2 §5.1.4). */
const CONFIG_STATUS = 6;
const STATUS_ANNOUNCE = 2;

/** What QEMU tells of a card's filter (qapi/net.json, RxFilterInfo). */
interface Filter {
  readonly promiscuous: boolean;
  readonly multicast: string;
  readonly unicast: string;
  readonly "main-mac": string;
  readonly "unicast-table": readonly string[];
  readonly "multicast-table": readonly string[];
  readonly "vlan-table": readonly number[];
}

/** QEMU's card and its driver in this process, with an operator who knows what the card was told. */
class TestCard {
  readonly bare: BareHost;
  readonly netdev: Netdev;
  readonly driver: VirtioNet;
  readonly transport: VirtioPciModern;
  readonly events: string[] = [];
  readonly #netbufs: Netbuf[] = [];

  constructor(bare: BareHost) {
    this.bare = bare;
    const registry = new NetdevRegistry();
    const drivers: VirtioNet[] = [];
    const transports: VirtioPciModern[] = [];
    const virtioBus = new VirtioBus(monotonicClock);
    virtioBus.registerDriver(virtioNetDriver(registry, (driver) => drivers.push(driver), {
      onAnnounce: () => this.events.push("announce"),
      onFailure: (reason) => this.events.push(reason),
    }));
    bare.bus.registerDriver({
      name: "watched",
      ids: [{ vendorId: 0x1af4, deviceId: 0x1041, driverData: null }],
      probe: (device: PciDevice) => {
        transports.push(new VirtioPciModern(device));
        virtioBus.addDevice(transports[0]);
      },
      remove: () => {},
    });
    bare.bus.probe();
    this.netdev = registry.get(0);
    this.driver = drivers[0];
    this.transport = transports[0];
    this.netdev.probe();
    this.netdev.configure({ rxQueues: 1, txQueues: 1 });
    this.netdev.rxqConfigure(0, 0, { pool: this.netdev.poolCreate({ count: 600 }) });
    this.netdev.txqConfigure(0, 0);
    this.netdev.start();
  }

  filter(): Filter {
    const [filter] = this.bare.operator.execute("query-rx-filter", { name: NIC_ID }) as Filter[];
    return filter;
  }

  asksForAnnouncement(): boolean {
    return (this.transport.configRead(CONFIG_STATUS, 2) & STATUS_ANNOUNCE) !== 0;
  }

  /** The destinations of the frames that came in so far, as numbers of their last byte. */
  async receives(count: number): Promise<number[]> {
    const last: number[] = [];
    const burst = (): boolean => {
      const received = this.netdev.rxBurst(0, this.#netbufs, 8);
      for (const netbuf of this.#netbufs.slice(0, received)) {
        last.push(netbuf.region.u8[netbuf.data + 5]);
        netbuf.free();
      }
      return received > 0;
    };
    const all = (): boolean => {
      while (burst() || this.netdev.rxqIntrEnable(0) === 1);
      return last.length >= count;
    };
    assert(await this.bare.until(all), `${count} frames awaited, got ${last}`);
    return last;
  }
}

function bytes(mac: string): Uint8Array {
  return Uint8Array.from(mac.split(":"), (byte) => Number.parseInt(byte, 16));
}

Deno.test("QEMU has obeyed each command, and again after a reset (QMP query-rx-filter)", async () => {
  await using bare = await BareHost.start("virtio-net-pci");
  const card = new TestCard(bare);
  const { driver, netdev } = card;
  const fresh = card.filter();
  assertEquals([fresh.promiscuous, fresh["main-mac"]], [false, CARDS_MAC]);
  assertEquals([fresh["vlan-table"], fresh["multicast-table"]], [[], []]);

  netdev.hwaddrSet(bytes(OTHER_MAC));
  driver.tell((control) => {
    control.setGroups([bytes(GROUP)]);
    control.setVlan(7, true);
    control.setVlan(4095, true);
    control.setVlan(8, true);
    control.setVlan(8, false);
  });
  for (let round = 0; round < 3; round++) {
    const filter = card.filter();
    assertEquals([filter.promiscuous, filter["main-mac"]], [false, OTHER_MAC]);
    assertEquals([filter["unicast-table"], filter["multicast-table"]], [[], [GROUP]]);
    assertEquals(filter["vlan-table"].toSorted((a, b) => a - b), [7, 4095]);
    netdev.stop();
    assertEquals(card.filter().promiscuous, true, "a reset makes QEMU forget");
    netdev.start();
  }
  driver.tell((control) => control.setMode(ReceiveMode.ALLMULTI, true));
  assertEquals(card.filter().multicast, "all");
  driver.tell((control) => control.setMode(ReceiveMode.NOUNI, true));
  assertEquals(card.filter().unicast, "none");
  netdev.promiscuousSet(true);
  assertEquals(card.filter().promiscuous, true);
  assertEquals(card.events, []);
});

Deno.test("a card in QEMU passes on what it was told to, and nothing else", async () => {
  await using bare = await BareHost.start("virtio-net-pci");
  const card = new TestCard(bare);
  const { socket, headerSent } = await connectHub(bare.hub);
  using port = new StreamPort(socket, headerSent);
  const send = (...macs: readonly string[]): void => {
    for (const destination of macs) {
      port.send(Uint8Array.from(ethernetFrame({ destination }, new Uint8Array(46))));
    }
  };
  send(OTHER_MAC, GROUP, CARDS_MAC);
  assertEquals(await card.receives(1), [0x0f]);
  card.netdev.hwaddrSet(bytes(OTHER_MAC));
  send(CARDS_MAC, OTHER_MAC);
  assertEquals(await card.receives(1), [0x09]);
  card.netdev.promiscuousSet(true);
  send(CARDS_MAC, GROUP, OTHER_MAC);
  assertEquals(await card.receives(3), [0x0f, 0xfb, 0x09]);
  card.netdev.promiscuousSet(false);
  card.driver.tell((control) => control.setGroups([bytes(GROUP)]));
  send(CARDS_MAC, GROUP, OTHER_MAC);
  assertEquals(await card.receives(2), [0xfb, 0x09]);
});

Deno.test("QEMU's wish to be announced is heard each time, and gone once it's acknowledged", async () => {
  await using bare = await BareHost.start("virtio-net-pci");
  const card = new TestCard(bare);
  for (let round = 1; round <= 5; round++) {
    bare.operator.execute("announce-self", { initial: 1, max: 1, rounds: 1, step: 1 });
    assert(await bare.until(() => card.events.length === round), `round ${round}: not heard`);
    assertEquals(card.asksForAnnouncement(), false, `round ${round}: not acknowledged`);
  }
  card.netdev.stop();
  assertEquals(card.events, new Array(5).fill("announce"));
});

Deno.test("5,000 commands in a row: QEMU answers each, before the next one", async () => {
  await using bare = await BareHost.start("virtio-net-pci");
  const card = new TestCard(bare);
  const before = performance.now();
  for (let i = 0; i < 5000; i++) card.netdev.promiscuousSet(i % 2 === 0);
  const each = (performance.now() - before) / 5;
  console.log(`control queue: a command takes QEMU ${each.toFixed(0)} µs`);
  assertEquals(card.filter().promiscuous, false);
});
