import { assertEquals, assertThrows } from "@std/assert";
import type { Netbuf } from "../../../netdev/netbuf.ts";
import type { NetbufPool } from "../../../netdev/netbuf_pool.ts";
import { makePool } from "../../stack/host_fixture.ts";
import type { HostileRing, LentBuffer } from "../../device/hostile_ring.ts";
import { NetbufOracle } from "../../device/netbuf_oracle.ts";

/** A ring whose device says of what is in `claimed` that it's the driver's again. */
function ringOf(claimed: Set<number>): HostileRing {
  return {
    size: 8,
    inOrder: false,
    lostTrack: false,
    mustBreak: false,
    lent: new Map(),
    collect: () => [],
    claims: (id) => claimed.has(id) ? 1 : 0,
    consume: (id) => claimed.delete(id),
    put: () => {},
    putBatch: () => {},
    show: () => false,
    wantKicks: () => {},
    jump: () => {},
    scribble: () => {},
    confuse: () => {},
  };
}

/** A pool under watch, and a driver that does as it's told. */
class Watched {
  readonly pool: NetbufPool = makePool(4);
  readonly oracle = new NetbufOracle(this.pool);
  readonly claimed = new Set<number>();
  readonly ring: HostileRing = ringOf(this.claimed);

  alloc(): Netbuf {
    const netbuf = this.pool.alloc();
    if (netbuf === null) throw new Error("the pool of the test is dry");
    return netbuf;
  }

  lend(netbuf: Netbuf, head = 0, length = 64): void {
    const pieces = [{ offset: netbuf.data, length, deviceWrites: true }];
    const buffer: LentBuffer = { head, pieces, descriptors: 1 };
    this.oracle.lent(this.ring, buffer, true);
  }
}

Deno.test("the oracle lets a netbuf go round", () => {
  const watched = new Watched();
  const netbuf = watched.alloc();
  watched.lend(netbuf);
  watched.oracle.checkWhole();
  watched.claimed.add(0);
  netbuf.length = 60;
  watched.oracle.handedOut(netbuf);
  netbuf.free();
  watched.oracle.checkWhole();
  assertEquals(watched.pool.available, 4);
});

/** What a driver must not do, and what the oracle says of it. */
const WRONGS: readonly [string, string, (watched: Watched) => void][] = [
  ["frees what is lent", "is freed while the device has it", (watched) => {
    const netbuf = watched.alloc();
    watched.lend(netbuf);
    netbuf.free();
  }],
  ["hands out what is lent", "is handed out while the device has it", (watched) => {
    const netbuf = watched.alloc();
    watched.lend(netbuf);
    watched.oracle.handedOut(netbuf);
  }],
  ["lends a netbuf twice", "is lent twice", (watched) => {
    const netbuf = watched.alloc();
    watched.lend(netbuf);
    watched.lend(netbuf, 1);
  }],
  ["lends what lies in the pool", "is lent from the pool", (watched) => {
    const netbuf = watched.alloc();
    netbuf.free();
    watched.lend(netbuf);
  }],
  ["lends more than a netbuf", "are no netbuf's", (watched) => {
    watched.lend(watched.alloc(), 0, 2048);
  }],
  ["hands out a packet longer than its netbuf", "is handed out with 4000 bytes", (watched) => {
    const netbuf = watched.alloc();
    netbuf.length = 4000;
    watched.oracle.handedOut(netbuf);
  }],
  ["loses a netbuf", "1 of 4 netbufs are lost", (watched) => {
    watched.alloc();
    watched.oracle.checkWhole();
  }],
];

for (const [what, message, wrong] of WRONGS) {
  Deno.test(`the oracle notices a driver that ${what}`, () => {
    assertThrows(() => wrong(new Watched()), Error, message);
  });
}
