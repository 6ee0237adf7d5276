import { assert, assertEquals, assertNotEquals, fail } from "@std/assert";
import { PlainRegion } from "../../netdev/dma_region.ts";
import { type Netbuf, NETBUF_HEADROOM } from "../../netdev/netbuf.ts";
import {
  DEFAULT_NETBUF_STRIDE,
  NetbufPool,
  netbufPoolBytes,
  type NetbufPoolOptions,
  netbufStride,
} from "../../netdev/netbuf_pool.ts";
import { refuses } from "./refuses.ts";

/** A pool at an offset of a region that ends exactly where the pool may end. */
function makePool(options: NetbufPoolOptions, offset = 0): NetbufPool {
  const byteLength = Math.ceil((offset + netbufPoolBytes(options)) / 4) * 4;
  return new NetbufPool(new PlainRegion(byteLength), offset, options);
}

function take(pool: NetbufPool): Netbuf {
  return pool.alloc() ?? fail("the pool is dry");
}

function takeAll(pool: NetbufPool): Netbuf[] {
  return Array.from({ length: pool.size }, () => take(pool));
}

Deno.test("the data of every netbuf is at 2 mod 4, wherever the pool begins", () => {
  for (let offset = 0; offset <= 130; offset++) {
    for (const { data, start } of takeAll(makePool({ count: 5, stride: 192 }, offset))) {
      assertEquals(data % 4, 2, `offset ${offset}`);
      assertEquals(start % 64, 14, `offset ${offset}`);
    }
  }
});

Deno.test("no two netbufs overlap, and all lie within what was asked for", () => {
  for (const stride of [128, 192, 2048]) {
    for (const offset of [0, 1, 63, 64, 65]) {
      const options = { count: 7, stride };
      const ranges = takeAll(makePool(options, offset)).map(({ start, end }) => ({ start, end }));
      ranges.sort((a, b) => a.start - b.start);
      let free = offset;
      for (const { start, end } of ranges) {
        assertEquals(start >= free, true, `${start} is before ${free}`);
        assertEquals(end > start + NETBUF_HEADROOM, true);
        free = end;
      }
      assertEquals(free <= offset + netbufPoolBytes(options), true);
    }
  }
});

Deno.test("what is written into one netbuf shows up in no other", () => {
  const netbufs = takeAll(makePool({ count: 8, stride: 128 }));
  netbufs.forEach(({ region, start, end }, i) => region.u8.fill(i + 1, start, end));
  netbufs.forEach(({ region, start, end }, i) => {
    assertEquals(region.u8.subarray(start, end).every((byte) => byte === i + 1), true);
  });
});

Deno.test("a netbuf of the default stride has room for a full Ethernet frame", () => {
  const netbuf = take(makePool({ count: 1 }));
  assertEquals(netbuf.end - netbuf.start, DEFAULT_NETBUF_STRIDE - 2);
  assertEquals(netbuf.tailroom, DEFAULT_NETBUF_STRIDE - 2 - 64);
});

Deno.test("all netbufs of a pool share its region", () => {
  const pool = makePool({ count: 3 });
  for (const netbuf of takeAll(pool)) assert(netbuf.region === pool.region);
});

Deno.test("a pool counts what lies in it", () => {
  const pool = makePool({ count: 3 });
  assertEquals([pool.size, pool.available], [3, 3]);
  const [a, b] = takeAll(pool);
  assertEquals([pool.size, pool.available], [3, 0]);
  a.free();
  assertEquals(pool.available, 1);
  b.free();
  assertEquals(pool.available, 2);
});

Deno.test("a dry pool hands out nothing, until a netbuf comes back", () => {
  const pool = makePool({ count: 2 });
  const [a] = takeAll(pool);
  assertEquals(pool.alloc(), null);
  assertEquals(pool.alloc(), null);
  assertEquals(pool.available, 0);
  a.free();
  assert(pool.alloc() === a);
  assertEquals(pool.alloc(), null);
});

Deno.test("the last netbuf freed is the next one handed out", () => {
  const pool = makePool({ count: 4 });
  const [a, b, c] = takeAll(pool);
  for (const netbuf of [b, a, c]) netbuf.free();
  assert(pool.alloc() === c);
  assert(pool.alloc() === a);
  assert(pool.alloc() === b);
});

Deno.test("each netbuf handed out is another one", () => {
  const netbufs = takeAll(makePool({ count: 16, stride: 128 }));
  assertEquals(new Set(netbufs).size, 16);
});

Deno.test("a netbuf comes out empty, whatever was done to it before", () => {
  const pool = makePool({ count: 2 });
  const [a, b] = takeAll(pool);
  a.length = 900;
  a.pull(300);
  a.append(b);
  a.free();
  for (const netbuf of takeAll(pool)) {
    assertEquals(netbuf.headroom, NETBUF_HEADROOM);
    assertEquals(netbuf.length, 0);
    assertEquals(netbuf.next, null);
    assertEquals(netbuf.references, 1);
  }
});

Deno.test("a netbuf freed twice is not handed out twice", () => {
  const pool = makePool({ count: 2 });
  const [a] = takeAll(pool);
  a.free();
  refuses("EINVAL", "freed twice", () => a.free());
  assertEquals(pool.available, 1);
  assert(pool.alloc() === a);
  assertEquals(pool.alloc(), null);
});

Deno.test("a piece kept from a freed chain never frees what was handed out since", () => {
  const pool = makePool({ count: 3 });
  const [a, b, c] = takeAll(pool);
  a.append(b);
  a.append(c);
  b.ref();
  a.free();
  const reused = [take(pool), take(pool)];
  assertNotEquals(reused.indexOf(c), -1);
  b.free();
  assertEquals(reused.map(({ references }) => references), [1, 1]);
  assertEquals(pool.available, 1);
});

Deno.test("a pool needs a whole number of netbufs, one at least", () => {
  const region = new PlainRegion(65_536);
  for (const count of [0, -1, 1.5, NaN, Infinity]) {
    refuses("EINVAL", `a pool of ${count} netbufs`, () => new NetbufPool(region, 0, { count }));
  }
});

Deno.test("the stride is a multiple of 64, with some room behind the headroom", () => {
  const region = new PlainRegion(65_536);
  for (const stride of [0, 64, -128, 100, 129, 2047, NaN, Infinity]) {
    const options = { count: 1, stride };
    refuses("EINVAL", `netbuf stride ${stride}`, () => new NetbufPool(region, 0, options));
  }
  assertEquals(take(new NetbufPool(region, 0, { count: 1, stride: 128 })).tailroom, 62);
});

Deno.test("a pool fits exactly, and not into 4 bytes less", () => {
  const options = { count: 3, stride: 128 };
  assertEquals(new NetbufPool(new PlainRegion(64 + 3 * 128 + 12), 64, options).size, 3);
  const short = new PlainRegion(64 + 3 * 128 + 8);
  refuses("ENOSPC", "3 netbufs of 128 bytes at 64", () => new NetbufPool(short, 64, options));
  refuses(
    "ENOSPC",
    "do not fit into 456",
    () => new NetbufPool(short, 0, { ...options, count: 4 }),
  );
});

Deno.test("a pool cannot begin where no region is", () => {
  const region = new PlainRegion(4096);
  for (const offset of [-64, -1, 0.5, NaN]) {
    refuses("EINVAL", `${offset}`, () => new NetbufPool(region, offset, { count: 1 }));
  }
  refuses("ENOSPC", "at 4096", () => new NetbufPool(region, 4096, { count: 1 }));
});

Deno.test("a retired pool hands out nothing, and tells once when its last netbuf is back", () => {
  const pool = makePool({ count: 4 });
  const [first, second] = [take(pool), take(pool)];
  let whole = 0;
  pool.retire(() => whole++);
  assertEquals(pool.alloc(), null);
  assertEquals([pool.available, whole], [2, 0]);
  first.free();
  assertEquals(pool.alloc(), null);
  assertEquals([pool.available, whole], [3, 0]);
  second.free();
  assertEquals([pool.available, whole], [4, 1]);
  pool.retire(() => whole++);
  assertEquals([pool.alloc(), whole], [null, 1]);
});

Deno.test("a pool that is whole when it is retired tells at once", () => {
  const pool = makePool({ count: 2 });
  let whole = 0;
  pool.retire(() => whole++);
  assertEquals([pool.available, whole], [2, 1]);
});

Deno.test("netbufStride() is the smallest multiple of 64 with the room, from the default up", () => {
  for (const bytes of [0, 1518, 1982, 2046]) {
    assertEquals(netbufStride(bytes), DEFAULT_NETBUF_STRIDE);
  }
  for (const bytes of [2047, 2110, 2111, 9018, 65_553]) {
    const stride = netbufStride(bytes);
    const room = (stride: number): number => makePool({ count: 1, stride }).bufferBytes;
    assertEquals([room(stride) >= bytes, room(stride - 64) < bytes], [true, true], `${bytes}`);
  }
});

Deno.test("bufferBytes is the tailroom of a new netbuf", () => {
  for (const stride of [128, 192, 2048, 9088]) {
    const pool = makePool({ count: 1, stride });
    assertEquals(pool.bufferBytes, take(pool).tailroom);
  }
});

Deno.test("a copy is one netbuf of the pool, of the bytes of all pieces, and the packet stays", () => {
  const from = makePool({ count: 3, stride: 128 });
  const pieces = takeAll(from);
  pieces.forEach((piece, i) => {
    piece.length = i * 10;
    piece.region.u8.fill(i, piece.data, piece.data + piece.length);
    if (i > 0) pieces[0].append(piece);
  });
  const to = makePool({ count: 1, stride: 192 });
  const copy = to.copyOf(pieces[0]) ?? fail("there is room");
  assert(copy.region === to.region);
  assertEquals([copy.length, copy.next, copy.headroom, copy.references], [30, null, 64, 1]);
  const bytes = copy.region.u8.subarray(copy.data, copy.data + copy.length);
  assertEquals([...bytes], [...new Array<number>(10).fill(1), ...new Array<number>(20).fill(2)]);
  assertEquals(from.available, 0);
  assertEquals(to.copyOf(pieces[0]), null, "the pool is dry");
});

Deno.test("a packet that is longer than a netbuf isn't copied, and takes none", () => {
  const packet = take(makePool({ count: 1, stride: 256 }));
  const pool = makePool({ count: 2, stride: 128 });
  packet.length = pool.bufferBytes;
  assertEquals(pool.copyOf(packet)?.length, pool.bufferBytes);
  packet.length++;
  assertEquals(pool.copyOf(packet), null);
  assertEquals(pool.available, 1);
});
