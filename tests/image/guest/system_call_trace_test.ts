import { assertEquals } from "@std/assert";
import { traceLines } from "../../../image/guest/system_call_trace.ts";

/** As Linux 6.1 prints it. */
const HISTOGRAM = `# event histogram
#
# trigger info: hist:keys=id.syscall:vals=hitcount:sort=hitcount:size=2048 [active]
#

{ id: sys_write                       [  1] } hitcount:          3
{ id: sys_futex                       [202] } hitcount:          9
{ id: sys_epoll_wait                  [232] } hitcount:      12345

Totals:
    Hits: 12357
    Entries: 3
    Dropped: 0
`;

Deno.test("a histogram is a total and a line for each call, the most frequent first", () => {
  assertEquals(traceLines(HISTOGRAM), [
    "syscalls 12357",
    "syscall epoll_wait 12345",
    "syscall futex 9",
    "syscall write 3",
  ]);
});

Deno.test("an empty histogram is a total of none", () => {
  assertEquals(traceLines("# event histogram\n\nTotals:\n    Hits: 0\n"), ["syscalls 0"]);
});
