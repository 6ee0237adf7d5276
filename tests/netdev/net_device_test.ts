import { assert, assertEquals } from "@std/assert";
import {
  allocEtherdev,
  allocNetdev,
  ARPHRD_ETHER,
  etherSetup,
  IFF_BROADCAST,
  IFF_MULTICAST,
  NetDeviceState,
} from "../../netdev/net_device.ts";
import { NetdevRegistry } from "../../netdev/netdev_registry.ts";
import { fakeDevice, FakeDriver } from "./fake_driver.ts";
import { refuses } from "./refuses.ts";

Deno.test("an Ethernet device is allocated with Ethernet's values", () => {
  const priv = new FakeDriver();
  const device = allocEtherdev({ driverName: "fake", priv });
  assertEquals(
    [device.name, device.driverName, device.state],
    ["net%d", "fake", NetDeviceState.UNINITIALIZED],
  );
  assert(device.priv === priv);
  assertEquals([device.rxQueues, device.txQueues], [1, 1]);
  assertEquals([device.type, device.hardHeaderLength, device.addressLength], [ARPHRD_ETHER, 14, 6]);
  assertEquals([device.minMtu, device.mtu, device.maxMtu], [68, 1500, 1500]);
  assertEquals(device.broadcast, Uint8Array.of(255, 255, 255, 255, 255, 255));
  assertEquals(device.flags, IFF_BROADCAST | IFF_MULTICAST);
  assertEquals(device.txQueueLength, 1000);
});

Deno.test("the driver's own state keeps its type", () => {
  const device = allocEtherdev({ driverName: "fake", priv: new FakeDriver() });
  device.priv.txSlots = 3;
  assertEquals(device.priv.txSlots, 3);
});

Deno.test("two devices share no value", () => {
  const priv = new FakeDriver();
  const [one, other] = [0, 1].map(() => allocEtherdev({ driverName: "fake", priv }));
  one.broadcast.fill(0);
  one.mtu = 576;
  assertEquals([other.broadcast[0], other.mtu], [0xff, 1500]);
});

Deno.test("a device has the queues that it's allocated with", () => {
  const device = allocEtherdev({
    driverName: "fake",
    priv: new FakeDriver(),
    rxQueues: 4,
    txQueues: 2,
  });
  assertEquals([device.rxQueues, device.txQueues], [4, 2]);
});

Deno.test("a driver that finds fewer queues says so, and its users see these", () => {
  const device = allocEtherdev({
    driverName: "fake",
    priv: new FakeDriver(),
    rxQueues: 4,
    txQueues: 4,
  });
  assertEquals([device.realRxQueues, device.realTxQueues], [4, 4]);
  device.setRealQueues(3, 2);
  assertEquals([device.realRxQueues, device.realTxQueues], [3, 2]);
  assertEquals([device.rxQueues, device.txQueues], [4, 4]);
  const netdev = new NetdevRegistry().drvRegister(device);
  netdev.probe();
  const { maxRxQueues, maxTxQueues } = netdev.infoGet();
  assertEquals([maxRxQueues, maxTxQueues], [3, 2]);
  refuses("EINVAL", "no receive queue 3", () => netdev.rxqInfoGet(3));
  refuses("EINVAL", "no transmit queue 2", () => netdev.txqInfoGet(2));
  refuses(
    "EINVAL",
    "4 receive queues: 1 to 3",
    () => netdev.configure({ rxQueues: 4, txQueues: 1 }),
  );
  netdev.configure({ rxQueues: 3, txQueues: 2 });
});

Deno.test("a driver can't have more queues than were allocated, nor none", () => {
  const device = allocEtherdev({
    driverName: "fake",
    priv: new FakeDriver(),
    rxQueues: 2,
    txQueues: 3,
  });
  for (const count of [0, 3, 1.5, NaN]) {
    refuses(
      "EINVAL",
      `${count} receive queues: it was allocated with 1 to 2`,
      () => device.setRealQueues(count, 1),
    );
  }
  refuses(
    "EINVAL",
    "4 transmit queues: it was allocated with 1 to 3",
    () => device.setRealQueues(1, 4),
  );
  assertEquals([device.realRxQueues, device.realTxQueues], [2, 3]);
});

for (const count of [0, -1, 1.5, NaN, Infinity]) {
  Deno.test(`${count} queues are refused, of either kind`, () => {
    const options = { driverName: "fake", priv: new FakeDriver() };
    for (const [kind, queues] of [["receive", "rxQueues"], ["transmit", "txQueues"]] as const) {
      refuses(
        "EINVAL",
        `a device with ${count} ${kind} queues: at least 1 is needed`,
        () => allocEtherdev({ ...options, [queues]: count }),
      );
    }
  });
}

Deno.test("a name that no device can have is refused before the setup is run", () => {
  let ran = 0;
  refuses("EINVAL", 'device name "a/b": no white space, / or : is possible', () => {
    allocNetdev({ driverName: "fake", priv: new FakeDriver(), name: "a/b" }, () => ran++);
  });
  assertEquals(ran, 0);
});

Deno.test("a setup of one's own fills in other values than Ethernet's, or some of them", () => {
  const priv = new FakeDriver();
  const bare = allocNetdev({ driverName: "fake", priv }, () => {});
  assertEquals([bare.type, bare.mtu, bare.flags, bare.broadcast.length], [0, 0, 0, 0]);
  const jumbo = allocNetdev({ driverName: "fake", priv, name: "jumbo%d" }, (device) => {
    etherSetup(device);
    device.maxMtu = 9000;
  });
  assertEquals([jumbo.name, jumbo.mtu, jumbo.maxMtu], ["jumbo%d", 1500, 9000]);
});

Deno.test("the user of a device is told what its driver made of it, in a copy", () => {
  const device = fakeDevice(new FakeDriver());
  const netdev = new NetdevRegistry().drvRegister(device);
  netdev.probe();
  device.flags = IFF_BROADCAST;
  device.txQueueLength = 7;
  const info = netdev.infoGet();
  assertEquals([info.type, info.flags, info.txQueueLength], [ARPHRD_ETHER, IFF_BROADCAST, 7]);
  assertEquals([info.hardHeaderLength, info.minMtu], [14, 68]);
  info.broadcast.fill(0);
  assertEquals(device.broadcast[0], 0xff);
});
