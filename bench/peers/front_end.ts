/*
 * `front_end.ts [FLAG of serve]…`: the appliance as `serve` is, but for the scheduler, which times
 * its rounds. A line on standard input has it begin to measure (`begin`), or print as one line of
 * JSON what it has measured since (`end`). It ends with its input.
 */

import { parseServe } from "../../app/serve_options.ts";
import { serve } from "../../app/serve.ts";
import { TimedScheduler } from "./timed_scheduler.ts";

const scheduler = new TimedScheduler();

async function obey(): Promise<void> {
  for await (const text of Deno.stdin.readable.pipeThrough(new TextDecoderStream())) {
    for (const command of text.trim().split("\n")) {
      if (command === "begin") scheduler.begin();
      // What V8 writes of collections, when it is told to, has its place among these lines.
      console.log(JSON.stringify({ event: command, ...scheduler.measured() }));
    }
  }
  Deno.exit(0);
}

obey();
try {
  await serve(parseServe(Deno.args), () => {}, scheduler);
  Deno.exit(0);
} catch (error) {
  console.error(`front_end: ${error instanceof Error ? error.message : error}`);
  Deno.exit(1);
}
