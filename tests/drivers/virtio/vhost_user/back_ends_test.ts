import { assert, assertEquals } from "@std/assert";
import { Eventfd } from "../../../../drivers/ffi/eventfd.ts";
import { FdWaiter } from "../../../../drivers/ffi/fd_waiter.ts";
import {
  connectAbstract,
  listenAbstract,
  type UnixSocket,
} from "../../../../drivers/ffi/unix_socket.ts";
import {
  type BackEnd,
  BackEnds,
  type Meeting,
} from "../../../../drivers/virtio/vhost_user/back_ends.ts";
import {
  encodeU64,
  VHOST_USER_GET_FEATURES,
  VHOST_USER_GET_PROTOCOL_FEATURES,
} from "../../../../drivers/virtio/vhost_user/message.ts";
import { monotonicClock } from "../../../../netdev/clock.ts";
import { handleUntil } from "./handle_until.ts";
import { ScriptedPeer } from "./scripted_peer.ts";

let names = 0;

/** A place to meet, and what came of it. */
class Scene implements Disposable {
  readonly waiter = new FdWaiter(monotonicClock);
  readonly backEnds: BackEnds;
  readonly found: BackEnd[] = [];
  readonly useless: string[] = [];
  /** What is said of the next that is found; null for nothing. */
  refusal: string | null = null;

  constructor(meeting: Meeting) {
    this.backEnds = new BackEnds(meeting, this.waiter, monotonicClock, 0n, {
      onFound: (backEnd) => {
        if (this.refusal === null) this.found.push(backEnd);
        return this.refusal;
      },
      onUseless: (reason) => this.useless.push(reason),
    });
  }

  async until(done: () => boolean): Promise<void> {
    await handleUntil(this.waiter, done);
  }

  [Symbol.dispose](): void {
    for (const { connection } of this.found) connection[Symbol.dispose]();
    this.backEnds[Symbol.dispose]();
    this.waiter[Symbol.dispose]();
  }
}

function freshName(): string {
  return `ukdeno-test-back-ends-${Deno.pid}-${names++}`;
}

/** One without protocol features is asked once, and may answer before that. */
function answer(socket: UnixSocket): ScriptedPeer {
  const peer = new ScriptedPeer(socket);
  peer.reply(VHOST_USER_GET_FEATURES, encodeU64(1n << 32n));
  return peer;
}

/** Whether the front-end has hung up, read behind all that it had sent. */
function hungUp({ socket }: ScriptedPeer): boolean {
  const bytes = new Uint8Array(64);
  for (;;) {
    const n = socket.receive(bytes);
    if (n <= 0) return n === 0;
  }
}

/** Long enough for whatever is to happen soon; nothing is waited for that takes so long. */
async function pause(scene: Scene): Promise<void> {
  const end = monotonicClock.now() + 100;
  await scene.until(() => monotonicClock.now() >= end);
}

/** The lowest descriptor that is free: the same again when nothing was left open. */
function nextDescriptor(): number {
  using eventfd = new Eventfd();
  return eventfd.fd;
}

Deno.test("one that listens later is found", async () => {
  const name = freshName();
  using scene = new Scene({ connect: () => connectAbstract(name) });
  using stack = new DisposableStack();
  scene.backEnds.seek();
  await pause(scene);
  using listener = listenAbstract(name, 1);
  await scene.until(() => {
    const socket = listener.accept();
    if (socket !== null) stack.use(answer(socket));
    return scene.found.length > 0;
  });
  assertEquals(scene.found[0].offer.features, 1n << 32n);
  assertEquals(scene.useless, []);
});

Deno.test("who connects to us is found, and the next waits until that one is lost", async () => {
  const name = freshName();
  using scene = new Scene({ listener: listenAbstract(name, 1) });
  scene.backEnds.seek();
  const first = answer(connectAbstract(name));
  await scene.until(() => scene.found.length === 1);
  using second = answer(connectAbstract(name));
  await pause(scene);
  assertEquals(second.all(), []);
  scene.found[0].connection.onLost = (): void => scene.backEnds.seek();
  first[Symbol.dispose]();
  await scene.until(() => scene.found.length === 2);
  assertEquals(scene.useless, []);
});

Deno.test("why one is of no use is told once, however often it comes", async () => {
  const name = freshName();
  using scene = new Scene({ listener: listenAbstract(name, 1) });
  scene.backEnds.seek();
  scene.refusal = "lacks something";
  for (let i = 0; i < 4; i++) {
    using peer = answer(connectAbstract(name));
    await scene.until(() => hungUp(peer));
  }
  assertEquals(scene.useless, ["lacks something"]);
  using peer = new ScriptedPeer(connectAbstract(name));
  peer.reply(VHOST_USER_GET_PROTOCOL_FEATURES, encodeU64(0n));
  await scene.until(() => scene.useless.length > 1);
  assertEquals(scene.useless[1], "answered GET_FEATURES as if it were GET_PROTOCOL_FEATURES");
});

Deno.test("one that hangs up without a word is followed by another try", async () => {
  const name = freshName();
  using listener = listenAbstract(name, 4);
  using scene = new Scene({ connect: () => connectAbstract(name) });
  using stack = new DisposableStack();
  scene.backEnds.seek();
  let tries = 0;
  await scene.until(() => {
    const socket = listener.accept();
    if (socket !== null && ++tries < 4) socket[Symbol.dispose]();
    else if (socket !== null) stack.use(answer(socket));
    return scene.found.length > 0;
  });
  assertEquals(tries, 4);
  assert(scene.useless.length >= 1);
});

Deno.test("one that hangs up behind its answer isn't found", async () => {
  const name = freshName();
  using scene = new Scene({ listener: listenAbstract(name, 1) });
  scene.backEnds.seek();
  const peer = new ScriptedPeer(connectAbstract(name));
  const asked: string[] = [];
  await scene.until(() => asked.push(...peer.all().map(({ name }) => name)) === 2);
  // Both are read at once, and nobody was told of the offer in between.
  peer.reply(VHOST_USER_GET_FEATURES, encodeU64(1n << 32n));
  peer[Symbol.dispose]();
  await scene.until(() => scene.useless.length + scene.found.length > 0);
  assertEquals(scene.found, []);
  assertEquals(scene.useless, ["hung up"]);
});

Deno.test("tries become rarer, and never as rare as one a second", async () => {
  const times: number[] = [];
  using scene = new Scene({
    connect: () => {
      times.push(monotonicClock.now());
      throw new Error("nobody listens");
    },
  });
  scene.backEnds.seek();
  await scene.until(() => times.length === 9);
  const waits = times.slice(1).map((time, i) => time - times[i]);
  // 10 ms, doubled each time to 500 at most; a busy machine makes them longer.
  const least = [10, 20, 40, 80, 160, 320, 500, 500];
  assertEquals(waits.map((wait, i) => wait >= least[i] - 1), least.map(() => true));
  assertEquals([scene.found.length, scene.useless.length], [0, 0]);
});

Deno.test("hundreds of them leave nothing open", async () => {
  const name = freshName();
  using listener = listenAbstract(name, 4);
  using scene = new Scene({ connect: () => connectAbstract(name) });
  const before = nextDescriptor();
  for (let i = 0; i < 300; i++) {
    scene.backEnds.meet(connectAbstract(name));
    const socket = listener.accept();
    assert(socket !== null);
    const peer = answer(socket);
    await scene.until(() => scene.found.length === 1);
    const [{ connection }] = scene.found.splice(0);
    peer[Symbol.dispose]();
    await scene.until(() => connection.lossReason !== null);
  }
  assertEquals(nextDescriptor(), before);
});

Deno.test("after the end nobody is found, and no timer is left", async () => {
  const name = freshName();
  using listener = listenAbstract(name, 1);
  using scene = new Scene({ connect: () => connectAbstract(name) });
  scene.backEnds.seek();
  scene.backEnds[Symbol.dispose]();
  scene.backEnds.seek();
  await pause(scene);
  assertEquals(listener.accept(), null);
});
