// Floods an appliance over its hub from a thread of its own, until it's told to stop: the appliance
// runs in the test's own thread. Messages: the hub's name in, one FloodTotals out for each piece of
// the flood, and a last one after "stop".
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { EchoFlood } from "./echo_flood.ts";
import { StreamPort } from "./frame_port.ts";

/** All pieces so far. */
export interface FloodTotals {
  readonly replies: number;
  readonly resent: number;
  readonly wrong: number;
}

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: (event: MessageEvent<string>) => void;
  postMessage(totals: FloodTotals): void;
}

const PIECE = 1000;
const RESEND_AFTER_MS = 2;
const OUTSTANDING = 64;

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = async ({ data: hub }): Promise<void> => {
  let stopped = false;
  scope.onmessage = () => {
    stopped = true;
  };
  const { socket, headerSent } = await connectHub(hub);
  using port = new StreamPort(socket, headerSent);
  const flood = new EchoFlood(port, {
    resendAfter: RESEND_AFTER_MS,
    outstanding: OUTSTANDING,
  });
  let totals: FloodTotals = { replies: 0, resent: 0, wrong: 0 };
  while (!stopped) {
    const { replies, resent, wrong } = flood.run(PIECE);
    totals = {
      replies: totals.replies + replies,
      resent: totals.resent + resent,
      wrong: totals.wrong + wrong,
    };
    scope.postMessage(totals);
    // A message to us is heard in between.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  close();
};
