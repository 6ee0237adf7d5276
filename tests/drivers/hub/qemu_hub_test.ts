import { assertEquals, assertRejects } from "@std/assert";
import { connectHub, HubError, hubPortName } from "../../../drivers/hub/hub_port.ts";
import { monotonicClock } from "../../../netdev/clock.ts";
import { frame, StreamDevice } from "../stream/stream_link.ts";

const DEADLINE_MS = 10_000;

/** QEMU as nothing but a hub with two stream ports. */
class QemuHub implements AsyncDisposable {
  readonly #child: Deno.ChildProcess;

  constructor(name: string) {
    const ports = [0, 1].flatMap((port) => [
      "-netdev",
      `stream,id=s${port},server=on,addr.type=unix,addr.path=${hubPortName(name, port)},` +
      "addr.abstract=on",
      "-netdev",
      `hubport,id=h${port},hubid=0,netdev=s${port}`,
    ]);
    const qemu = ["qemu-system-x86_64", "-M", "none", "-nodefaults", "-display", "none"];
    this.#child = new Deno.Command("setpriv", {
      args: ["--pdeathsig", "KILL", ...qemu, ...ports],
      stdin: "null",
      stderr: "null",
    }).spawn();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.status;
  }
}

Deno.test("two stream devices talk over a hub of QEMU; a third finds no port, then one", async () => {
  const name = `ukdeno-test-${Deno.pid}-qemu`;
  await using _qemu = new QemuHub(name);
  using left = await joinHub(name);
  using right = await joinHub(name);
  const error = await assertRejects(() => connectHub(name), HubError);
  assertEquals(error.message, `all 2 ports of hub "${name}" are in use: stop one of its peers`);

  for (const [from, to] of [[left, right], [right, left]]) {
    const frames = [frame(60, 1), frame(1514, 2), frame(14, 3)];
    const packets = frames.map((bytes) => from.packet(bytes));
    assertEquals(from.netdev.txBurst(0, packets, 0, 3), 3);
    assertEquals(await receive(to, 3), frames.map((bytes) => [...bytes]));
  }

  left.netdev.close();
  using third = await joinHub(name);
  third.netdev.txBurst(0, [third.packet(frame(60, 4))], 0, 1);
  assertEquals(await receive(right, 1), [[...frame(60, 4)]]);
});

Deno.test("a stream device sees that its QEMU died", async () => {
  const name = `ukdeno-test-${Deno.pid}-dying`;
  const qemu = new QemuHub(name);
  using member = await joinHub(name);
  assertEquals(member.netdev.rxqIntrEnable(0), 0);
  await qemu[Symbol.asyncDispose]();
  await member.waiter.sleep(monotonicClock.now() + DEADLINE_MS);
  member.waiter.poll();
  assertEquals(member.netdev.linkGet(), false);
});

/** Joins as soon as QEMU listens. */
async function joinHub(name: string): Promise<StreamDevice> {
  const deadline = monotonicClock.now() + DEADLINE_MS;
  while (true) {
    try {
      const { socket, headerSent } = await connectHub(name);
      return new StreamDevice(socket, { headerSent });
    } catch (error) {
      const starting = error instanceof HubError && error.code === "ENOENT";
      if (!starting || monotonicClock.now() > deadline) throw error;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }
}

/** Sleeps on interrupts until `count` frames have arrived. */
async function receive(device: StreamDevice, count: number): Promise<number[][]> {
  const deadline = monotonicClock.now() + DEADLINE_MS;
  const frames: number[][] = [];
  while (frames.length < count && monotonicClock.now() < deadline) {
    if (device.netdev.rxqIntrEnable(0) === 0) await device.waiter.sleep(deadline);
    frames.push(...device.burst());
  }
  return frames;
}
