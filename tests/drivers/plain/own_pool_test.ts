import { assertEquals, assertStrictEquals } from "@std/assert";
import { OwnPool, type PoolRegion } from "../../../drivers/plain/own_pool.ts";
import { PlainRegion } from "../../../netdev/dma_region.ts";
import { netbufPoolBytes, type NetbufPoolOptions } from "../../../netdev/netbuf_pool.ts";
import { assertRefused } from "../../netdev/refuses.ts";

const POOL_START = 128;

class TestRegion extends PlainRegion implements PoolRegion {
  readonly poolStart = POOL_START;

  constructor(options: NetbufPoolOptions) {
    super(POOL_START + netbufPoolBytes(options));
  }
}

function ownPool(): OwnPool<TestRegion> {
  return new OwnPool("a test device", (options) => new TestRegion(options));
}

Deno.test("the netbufs lie behind the start of the pool, in the region of both queues", () => {
  const own = ownPool();
  const pool = own.create({ count: 1 });
  const netbuf = pool.alloc();
  assertEquals(netbuf !== null && netbuf.data >= POOL_START, true);
  assertStrictEquals(own.rxRegion(pool), pool.region);
  assertStrictEquals(own.txRegion(), pool.region);
});

Deno.test("a second pool is EBUSY, until the first one is retired", () => {
  const own = ownPool();
  const first = own.create({ count: 1 });
  assertRefused("EBUSY", () => own.create({ count: 1 }));
  own.retire();
  assertEquals(first.alloc(), null);
  assertEquals(own.create({ count: 1 }).available, 1);
});

Deno.test("a pool that could not be made leaves room for another", () => {
  const own = ownPool();
  assertRefused("EINVAL", () => own.create({ count: 1, stride: 64 }));
  assertEquals(own.create({ count: 1 }).available, 1);
});

Deno.test("queues are EINVAL without a pool, and with another device's", () => {
  const own = ownPool();
  const foreign = ownPool().create({ count: 1 });
  assertRefused("EINVAL", () => own.txRegion());
  assertRefused("EINVAL", () => own.rxRegion(foreign));
  own.create({ count: 1 });
  assertRefused("EINVAL", () => own.rxRegion(foreign));
});
