import { assert, assertEquals } from "@std/assert";
import { PlainRegion } from "../../netdev/dma_region.ts";
import {
  Netbuf,
  NETBUF_F_DATA_VALID,
  NETBUF_F_PARTIAL_CSUM,
  NETBUF_HEADROOM,
  type NetbufOwner,
} from "../../netdev/netbuf.ts";
import { refuses } from "./refuses.ts";

const START = 66;
const END = 2112;
const ROOM = END - START - NETBUF_HEADROOM;

/** Netbufs with one reference each, and what came back to their owner, by number. */
function makeNetbufs(count: number): { netbufs: Netbuf[]; returned: number[] } {
  const region = new PlainRegion(4096);
  const returned: number[] = [];
  const owner: NetbufOwner = {
    take: (netbuf) => void returned.push(netbufs.indexOf(netbuf)),
    freeBurst: (burst, count) => burst.slice(0, count).forEach((netbuf) => netbuf.free()),
  };
  const netbufs = Array.from({ length: count }, () => new Netbuf(region, START, END, owner));
  for (const netbuf of netbufs) netbuf.reset();
  return { netbufs, returned };
}

function makeNetbuf(): Netbuf {
  return makeNetbufs(1).netbufs[0];
}

/** A chain of the first `count` netbufs, their lengths 1, 10, 100, …. */
function makeChain(count: number): { netbufs: Netbuf[]; returned: number[] } {
  const made = makeNetbufs(count);
  made.netbufs.forEach((netbuf, i) => netbuf.length = 10 ** i);
  for (const piece of made.netbufs.slice(1)) made.netbufs[0].append(piece);
  return made;
}

Deno.test("a new netbuf is empty behind its headroom, with one reference", () => {
  const netbuf = makeNetbuf();
  assertEquals(netbuf.headroom, NETBUF_HEADROOM);
  assertEquals(netbuf.length, 0);
  assertEquals(netbuf.tailroom, ROOM);
  assertEquals(netbuf.next, null);
  assertEquals(netbuf.references, 1);
});

Deno.test("push takes from the headroom what it adds to the data", () => {
  const netbuf = makeNetbuf();
  netbuf.length = 100;
  netbuf.push(14);
  assertEquals(netbuf.data, START + NETBUF_HEADROOM - 14);
  assertEquals(netbuf.length, 114);
  assertEquals(netbuf.headroom, NETBUF_HEADROOM - 14);
  assertEquals(netbuf.tailroom, ROOM - 100);
});

Deno.test("push takes the last byte of the headroom and refuses the one after", () => {
  const netbuf = makeNetbuf();
  netbuf.push(NETBUF_HEADROOM);
  assertEquals(netbuf.data, START);
  assertEquals(netbuf.headroom, 0);
  refuses("ENOSPC", "push of 1 bytes into 0 of headroom", () => netbuf.push(1));
  assertEquals(netbuf.data, START);
  assertEquals(netbuf.length, NETBUF_HEADROOM);
});

Deno.test("a push that does not fit leaves the netbuf as it was", () => {
  const netbuf = makeNetbuf();
  refuses("ENOSPC", "push of 65 bytes into 64 of headroom", () => netbuf.push(65));
  refuses("ENOSPC", "push of -1 bytes", () => netbuf.push(-1));
  assertEquals(netbuf.headroom, NETBUF_HEADROOM);
  assertEquals(netbuf.length, 0);
});

Deno.test("pull strips the front of the data, down to nothing", () => {
  const netbuf = makeNetbuf();
  netbuf.length = 60;
  netbuf.pull(14);
  assertEquals(netbuf.data, START + NETBUF_HEADROOM + 14);
  assertEquals(netbuf.length, 46);
  assertEquals(netbuf.tailroom, ROOM - 60);
  netbuf.pull(46);
  assertEquals(netbuf.length, 0);
});

Deno.test("pull refuses more than there is, and leaves the netbuf as it was", () => {
  const netbuf = makeNetbuf();
  netbuf.length = 13;
  refuses("EINVAL", "pull of 14 bytes from 13 of data", () => netbuf.pull(14));
  refuses("EINVAL", "pull of -1 bytes", () => netbuf.pull(-1));
  assertEquals(netbuf.headroom, NETBUF_HEADROOM);
  assertEquals(netbuf.length, 13);
});

Deno.test("a netbuf goes back with its last reference, and only then", () => {
  const { netbufs: [netbuf], returned } = makeNetbufs(1);
  netbuf.ref();
  netbuf.ref();
  assertEquals(netbuf.references, 3);
  netbuf.free();
  netbuf.free();
  assertEquals(returned, []);
  netbuf.free();
  assertEquals(returned, [0]);
  assertEquals(netbuf.references, 0);
});

Deno.test("to free a netbuf twice is refused, and it goes back once", () => {
  const { netbufs: [netbuf], returned } = makeNetbufs(1);
  netbuf.free();
  refuses("EINVAL", `netbuf at ${START} freed twice`, () => netbuf.free());
  assertEquals(returned, [0]);
  assertEquals(netbuf.references, 0);
});

Deno.test("a netbuf that lies in its pool cannot be referenced", () => {
  const netbuf = makeNetbuf();
  netbuf.free();
  refuses("EINVAL", `netbuf at ${START}`, () => netbuf.ref());
  assertEquals(netbuf.references, 0);
});

Deno.test("append goes to the end of the chain, one piece or a chain of them", () => {
  const { netbufs: [a, b, c, d] } = makeNetbufs(4);
  a.append(b);
  c.append(d);
  a.append(c);
  assert(a.next === b);
  assert(b.next === c);
  assert(c.next === d);
  assert(d.next === null);
});

Deno.test("the length of a chain is the sum from the piece on", () => {
  const { netbufs: [a, b, c] } = makeChain(3);
  assertEquals(a.chainLength(), 111);
  assertEquals(b.chainLength(), 110);
  assertEquals(c.chainLength(), 100);
});

Deno.test("a chain may be as long as a ring", () => {
  const { netbufs, returned } = makeNetbufs(32_768);
  // From the end, so that each append finds a short chain and the last one a long one.
  for (let i = netbufs.length - 3; i >= 0; i--) netbufs[i].append(netbufs[i + 1]);
  netbufs[0].append(netbufs[netbufs.length - 1]);
  netbufs.forEach((netbuf) => netbuf.length = 1);
  assertEquals(netbufs[0].chainLength(), netbufs.length);
  netbufs[0].free();
  assertEquals(returned.length, netbufs.length);
});

Deno.test("freeing a chain gives back each of its pieces, unlinked", () => {
  const { netbufs, returned } = makeChain(3);
  netbufs[0].free();
  assertEquals(returned, [0, 1, 2]);
  assertEquals(netbufs.map(({ next }) => next), [null, null, null]);
});

Deno.test("freeing from the middle of a chain leaves what is in front", () => {
  const { netbufs, returned } = makeChain(3);
  netbufs[1].free();
  assertEquals(returned, [1, 2]);
  assertEquals(netbufs[0].references, 1);
});

Deno.test("a referenced middle piece outlives its chain, without the rest of it", () => {
  const { netbufs: [a, b], returned } = makeChain(3);
  b.ref();
  a.free();
  assertEquals(returned, [0, 2]);
  assertEquals(b.references, 1);
  assertEquals(b.length, 10);
  assertEquals(b.next, null, "its successor may belong to somebody else by now");
  b.free();
  assertEquals(returned, [0, 2, 1]);
});

Deno.test("a referenced head outlives its chain, without the rest of it", () => {
  const { netbufs: [a], returned } = makeChain(3);
  a.ref();
  a.free();
  assertEquals(returned, [1, 2]);
  assertEquals(a.next, null, "its successor may belong to somebody else by now");
  assertEquals(a.chainLength(), 1);
  a.free();
  assertEquals(returned, [1, 2, 0]);
});

Deno.test("the referenced pieces of a freed chain stay a chain", () => {
  const { netbufs: [a, b, c], returned } = makeChain(3);
  a.ref();
  c.ref();
  a.free();
  assertEquals(returned, [1]);
  assert(a.next === c);
  assertEquals(a.chainLength(), 101);
  assert(b.next === null);
  a.free();
  assertEquals(returned, [1, 0, 2]);
});

Deno.test("reset makes a used netbuf as good as new", () => {
  const { netbufs: [a, b] } = makeNetbufs(2);
  a.length = 500;
  a.pull(100);
  a.append(b);
  a.ref();
  a.reset();
  assertEquals(a.headroom, NETBUF_HEADROOM);
  assertEquals(a.length, 0);
  assertEquals(a.next, null);
  assertEquals(a.references, 1);
});

Deno.test("a packet lies in a region when each of its pieces does", () => {
  const { netbufs } = makeChain(3);
  const { region } = netbufs[0];
  assert(netbufs[0].liesIn(region));
  assert(!netbufs[0].liesIn(new PlainRegion(4096)));
  netbufs[0].append(makeNetbuf());
  assert(!netbufs[0].liesIn(region), "the last piece is from elsewhere");
});

Deno.test("reset forgets what was said of a checksum", () => {
  const netbuf = makeNetbuf();
  netbuf.flags = NETBUF_F_PARTIAL_CSUM;
  netbuf.reset();
  assertEquals(netbuf.flags, 0);
});

Deno.test("a partial checksum stays where it is when headers come and go in front of it", () => {
  const netbuf = makeNetbuf();
  netbuf.length = 100;
  netbuf.flags = NETBUF_F_PARTIAL_CSUM | NETBUF_F_DATA_VALID;
  netbuf.csumStart = 34;
  const covered = netbuf.data + 34;
  netbuf.push(12);
  assertEquals(netbuf.data + netbuf.csumStart, covered);
  netbuf.pull(46);
  assertEquals([netbuf.csumStart, netbuf.data], [0, covered]);
  assertEquals(netbuf.flags, NETBUF_F_PARTIAL_CSUM | NETBUF_F_DATA_VALID);
  netbuf.pull(2);
  assertEquals(netbuf.flags, NETBUF_F_DATA_VALID, "what it covered is gone in part");
});
