import { assert, assertEquals, assertThrows } from "@std/assert";
import { VirtioError } from "../../../drivers/virtio/virtio_error.ts";
import type { InterruptMode } from "../../../drivers/virtio/virtio_transport.ts";
import { ISR_CFG, VIRTIO_CAPS } from "../../device/virtio_pci_function.ts";
import { VirtioPciLink, type VirtioPciLinkOptions } from "./virtio_pci_link.ts";

/** Bits of ISR status (virtio 1.2 §4.1.4.5). */
const QUEUE = 1;
const CONFIG = 2;

/** A transport whose interrupts are connected, and what its handlers heard. */
class Connected {
  readonly link: VirtioPciLink;
  readonly heard: string[] = [];
  readonly transport;

  constructor(
    prepare: (link: VirtioPciLink) => void = () => {},
    options: VirtioPciLinkOptions = {},
    modes?: readonly InterruptMode[],
  ) {
    this.link = new VirtioPciLink(options);
    prepare(this.link);
    this.transport = this.link.transport(modes);
    this.connect();
  }

  connect(): void {
    this.transport.interruptsConnect(
      () => this.heard.push("config"),
      [() => this.heard.push("receive"), null],
    );
  }

  get rung(): string {
    return this.transport.interruptMode;
  }
}

Deno.test("a vector for each queue and one for configuration is the best there is", () => {
  const { rung, link } = new Connected();
  assertEquals([rung, link.host.lines.length, link.host.intx.size], ["msi-x per queue", 3, 0]);
});

Deno.test("with two vectors the queues share one, and those that never interrupt have none", async () => {
  const connected = new Connected(({ host }) => host.msixVectors = 2);
  const { rung, link, heard, transport } = connected;
  assertEquals([rung, link.host.lines.length], ["msi-x shared", 2]);
  assertEquals(transport.vectors, [
    { name: "msi-x 0", config: true, queues: [] },
    { name: "msi-x 1", config: false, queues: [0] },
  ]);
  link.model.interrupt(0);
  link.model.interrupt(1);
  link.model.configChanged();
  await Promise.resolve();
  assertEquals(heard, ["receive", "config"]);
});

Deno.test("a device that refuses a vector of its own for a queue takes the one that is shared", () => {
  const { rung, link } = new Connected(({ model }) =>
    model.script = { takesVector: (vector) => vector < 2 || vector === 0xffff }
  );
  assertEquals([rung, link.host.lines.length], ["msi-x shared", 2], "other lines were given back");
});

for (const msixVectors of [0, 1]) {
  Deno.test(`with ${msixVectors} vectors it's the pin, whose status is read once`, async () => {
    const { rung, link, heard, transport } = new Connected(({ host }) =>
      host.msixVectors = msixVectors
    );
    assertEquals(rung, "intx");
    assertEquals(transport.vectors, [{ name: "intx", config: true, queues: [0] }]);
    const accesses = link.accesses(() => assert(link.pci.pin(QUEUE)));
    assertEquals([accesses, heard], [["read8 0x1000"], ["receive"]]);
    assert(link.pci.pin(CONFIG));
    assertEquals(heard, ["receive"]);
    await Promise.resolve();
    assertEquals(heard, ["receive", "config"]);
    assert(link.pci.pin(QUEUE | CONFIG));
    await Promise.resolve();
    assertEquals(heard, ["receive", "config", "receive", "config"]);
  });
}

Deno.test("an interrupt of another device on the same wire is not claimed", () => {
  const { link, heard } = new Connected(({ host }) => host.msixVectors = 0);
  assertEquals([link.pci.pin(0), heard], [false, []]);
});

Deno.test("a device that refuses all vectors interrupts by its pin, with MSI-X off again", () => {
  const { rung, link } = new Connected(({ model }) => model.script = { takesVector: () => false });
  assertEquals([rung, link.host.lines.length, link.host.intx.size], ["intx", 0, 1]);
});

Deno.test("without vectors and pin it's polled", () => {
  const { rung, link, transport } = new Connected(({ host }) => {
    host.msixVectors = 0;
    host.hasPins = false;
  });
  assertEquals([rung, transport.vectors], ["polling", []]);
  assertEquals([link.host.lines.length, link.host.intx.size], [0, 0]);
});

Deno.test("a pin is of no use to a device without ISR status", () => {
  const caps = VIRTIO_CAPS.filter(({ type }) => type !== ISR_CFG);
  for (const msixVectors of [0, 3]) {
    const { rung, link } = new Connected(({ host, model }) => {
      host.msixVectors = msixVectors;
      model.script = { takesVector: () => false };
    }, { caps });
    const { lines, intx } = link.host;
    assertEquals([rung, lines.length, intx.size], ["polling", 0, 0]);
  }
});

Deno.test("with only some modes allowed, the error tells why each is impossible", () => {
  const error = assertThrows(
    () =>
      new Connected(({ host }) => host.msixVectors = 0, {}, ["msi-x per queue", "msi-x shared"]),
    VirtioError,
  );
  assertEquals(
    error.message,
    "pci 00:02.0 can't interrupt: msi-x per queue: 00:02.0 has no 3 vectors; " +
      "msi-x shared: 00:02.0 has no 2 vectors",
  );
});

for (const mode of ["msi-x per queue", "msi-x shared", "intx", "polling"] as const) {
  Deno.test(`${mode}: connected again after a reset it's the same lines, and shutdown() gives all back`, () => {
    const connected = new Connected(() => {}, {}, [mode]);
    const { link, transport } = connected;
    const lines = [...link.host.lines, ...link.host.intx.values()];
    transport.interruptsDisconnect();
    assertEquals(lines.map((line) => line.connected), lines.map(() => false));
    transport.statusWrite(0);
    connected.connect();
    assertEquals([...link.host.lines, ...link.host.intx.values()], lines);
    assertEquals(connected.rung, mode);
    transport.shutdown();
    assertEquals([link.host.lines.length, link.host.intx.size, link.host.bars.size], [0, 0, 0]);
  });
}

Deno.test("a change of configuration that is pending when interrupts are disconnected is forgotten", async () => {
  const { link, heard, transport } = new Connected();
  link.model.configChanged();
  transport.interruptsDisconnect();
  await Promise.resolve();
  assertEquals(heard, []);
});
