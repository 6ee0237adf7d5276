import { assert, assertEquals, assertThrows } from "@std/assert";
import { ControlQueue, controlQueueIndex } from "../../../drivers/virtio/control_queue.ts";
import { SplitVirtqueue } from "../../../drivers/virtio/split_virtqueue.ts";
import { VirtioDevice } from "../../../drivers/virtio/virtio_device.ts";
import { NetdevError } from "../../../netdev/netdev_error.ts";
import {
  type ControlAnswer,
  ControlQueueModel,
  VIRTIO_NET_ERR,
  VIRTIO_NET_OK,
} from "../../device/control_queue_model.ts";
import { VIRTIO_F_EVENT_IDX, VIRTIO_F_VERSION_1, VirtioModel } from "../../device/virtio_model.ts";
import { FakeClock } from "../../netdev/fake_clock.ts";

/** A device whose only queue is a control queue. */
class ControlModel extends VirtioModel {
  obeys: () => ControlAnswer = () => ({ answer: VIRTIO_NET_OK });
  readonly control = new ControlQueueModel(this.region, () => this.obeys());

  constructor(size: number, features: bigint) {
    const config = new Uint8Array(12);
    super({ deviceType: 1, features, config, queueSizes: [size], memoryBytes: 1 << 16 });
  }

  protected override kicked(index: number): void {
    this.control.kicked(this.ring(index));
  }
}

/** A control queue that is live, unless the test has it otherwise. */
class ControlLink {
  readonly model: ControlModel;
  readonly clock = new FakeClock(0, 1);
  readonly device: VirtioDevice;
  readonly queue: ControlQueue;

  constructor(size = 8, more = 0n) {
    this.model = new ControlModel(size, VIRTIO_F_VERSION_1 | more);
    this.device = new VirtioDevice(this.model, this.clock);
    const eventIndex = more !== 0n;
    this.queue = new ControlQueue(
      this.device,
      new SplitVirtqueue(this.model.dma, size, eventIndex),
    );
    this.start();
  }

  start(): void {
    this.device.reset();
    this.device.acknowledge();
    this.device.negotiate(2n ** 64n - 1n);
    const doorbell = this.model.queueEnable(0, this.queue.vq.addresses);
    this.device.driverOk();
    this.queue.start(doorbell);
  }
}

function fails(link: ControlLink, message: string): void {
  const error = assertThrows(() => link.queue.command(4, 0, Uint8Array.of(1, 0)), NetdevError);
  assertEquals(error.code, "EIO");
  assert(error.message.includes(message), error.message);
}

Deno.test("the control queue is behind all pairs (§5.1.2)", () => {
  assertEquals([1, 4].map(controlQueueIndex), [2, 8]);
});

for (const more of [0n, VIRTIO_F_EVENT_IDX]) {
  const mode = more === 0n ? "flags" : "the event index";

  Deno.test(`with ${mode} 70,000 commands arrive with their data, each answered`, () => {
    const link = new ControlLink(4, more);
    const data = new Uint8Array(6);
    for (let i = 0; i < 70_000; i++) {
      data[i % 6] = i;
      link.queue.command(1, 1, data);
      if (link.model.control.commands.length !== 1) throw new Error(`command ${i} is lost`);
      const hex = [...data].map((byte) => byte.toString(16).padStart(2, "0")).join("");
      if (link.model.control.commands.pop() !== `1.1 ${hex}`) throw new Error(`command ${i}`);
    }
    assertEquals(link.queue.broken, false);
  });
}

Deno.test("a command without data has no descriptor for it", () => {
  const link = new ControlLink();
  link.queue.command(3, 0, new Uint8Array(0));
  assertEquals(link.model.control.commands, ["3.0"]);
});

Deno.test("a result comes back as a copy", () => {
  const link = new ControlLink();
  link.model.obeys = () => ({ answer: VIRTIO_NET_OK, result: [1, 2, 3, 4] });
  const result = link.queue.query(6, 3, Uint8Array.of(0, 0), 4);
  link.queue.query(6, 3, Uint8Array.of(0, 0), 8);
  assertEquals([...result], [1, 2, 3, 4]);
});

Deno.test("what the device refuses is EIO, and the next command is answered", () => {
  const link = new ControlLink();
  link.model.obeys = () => ({ answer: VIRTIO_NET_ERR });
  fails(link, "model refused control command 4.0");
  assertEquals(link.queue.broken, false);
  link.model.obeys = () => ({ answer: VIRTIO_NET_OK });
  link.queue.command(4, 0, Uint8Array.of(1, 0));
});

Deno.test("a device that says nothing is waited for 2 s by the clock, and told no more until a reset", () => {
  const link = new ControlLink();
  link.model.control.script = { answer: () => "silence" };
  const before = link.clock.time;
  fails(link, "model did not answer control command 4.0 within 2000 ms");
  assert(link.clock.time - before > 2000 && link.clock.time - before < 2010);
  assertEquals(link.queue.broken, true);
  // Its late answer to the first one would be taken for that to the second.
  link.model.control.script = {};
  fails(link, "model did not answer control command 4.0");
  assertEquals(link.model.control.commands.length, 1);
  link.queue.stop();
  link.start();
  link.queue.command(4, 0, Uint8Array.of(2, 0));
  assertEquals(link.model.control.commands.at(-1), "4.0 0200");
});

Deno.test("an answer that is none of the two breaks the queue", () => {
  const link = new ControlLink();
  link.model.obeys = () => ({ answer: 0xff });
  fails(link, "with 255");
  assertEquals(link.queue.broken, true);
});

Deno.test("a buffer that comes back without an answer is not taken for the answer before", () => {
  const link = new ControlLink();
  link.queue.command(4, 0, Uint8Array.of(1, 0));
  link.model.control.script = { answer: () => "nothing" };
  fails(link, "with 255");
  assertEquals(link.queue.broken, true);
});

Deno.test("used elements that can't be break the queue: a wrong id, a jump of the index", () => {
  const jumps = new ControlLink();
  jumps.model.control.script = { use: (ring) => ring.showIndex(9) };
  fails(jumps, "broke the control queue");
  for (const id of [5, 0xffff_ffff]) {
    const link = new ControlLink();
    link.model.control.script = { use: (ring) => ring.use(id, 1) };
    fails(link, "broke the control queue");
    assertEquals(link.queue.broken, true);
  }
});

Deno.test("a device that goes meanwhile is not waited for", () => {
  const link = new ControlLink();
  link.model.control.script = {
    answer: () => {
      link.model.gone = true;
      return "silence";
    },
  };
  const before = link.clock.time;
  fails(link, "model is gone");
  assert(link.clock.time - before < 10);
});

Deno.test("a command before the queue is live, and one that is too long, are EINVAL", () => {
  const link = new ControlLink();
  const long = assertThrows(() => link.queue.command(1, 0, new Uint8Array(1025)), NetdevError);
  link.queue.command(1, 0, new Uint8Array(1024));
  link.queue.stop();
  const early = assertThrows(() => link.queue.command(1, 0, new Uint8Array(1)), NetdevError);
  assertEquals([long.code, early.code], ["EINVAL", "EINVAL"]);
});

Deno.test("a control queue of 2 descriptors is EIO", () => {
  assertEquals(assertThrows(() => new ControlLink(2), NetdevError).code, "EIO");
});

Deno.test("a released queue leaves no memory behind", () => {
  const link = new ControlLink();
  const { available } = new ControlModel(8, VIRTIO_F_VERSION_1).dma;
  link.queue.stop();
  link.queue.release();
  assertEquals(link.model.dma.available, available);
});
