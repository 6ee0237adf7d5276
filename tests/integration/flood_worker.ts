// Floods a host over its hub from a thread of its own, until it's told to stop. Messages: a FloodOrder
// in, one FloodTotals out for each piece of the flood, and a last one after "stop".
import { connectHub } from "../../drivers/hub/hub_port.ts";
import { EchoFlood, type FloodOptions } from "./echo_flood.ts";
import { StreamPort } from "./frame_port.ts";

/** Whom to flood, and how. */
export interface FloodOrder extends FloodOptions {
  readonly hub: string;
}

/** All pieces so far. */
export interface FloodTotals {
  readonly replies: number;
  readonly resent: number;
  readonly wrong: number;
  /** What these are the totals of has come to its end. */
  readonly over: boolean;
}

/** The part of a worker's global scope that is used here. */
interface WorkerScope {
  onmessage: (event: MessageEvent<FloodOrder>) => void;
  postMessage(totals: FloodTotals): void;
}

const PIECE = 1000;
const OUTSTANDING = 64;

const scope = globalThis as unknown as WorkerScope;

scope.onmessage = async ({ data: order }): Promise<void> => {
  let stopped = false;
  scope.onmessage = () => {
    stopped = true;
  };
  const { socket, headerSent } = await connectHub(order.hub);
  using port = new StreamPort(socket, headerSent);
  const flood = new EchoFlood(port, { outstanding: OUTSTANDING, ...order });
  let totals: FloodTotals = { replies: 0, resent: 0, wrong: 0, over: false };
  while (!stopped) {
    const { replies, resent, wrong } = flood.run(PIECE);
    totals = {
      replies: totals.replies + replies,
      resent: totals.resent + resent,
      wrong: totals.wrong + wrong,
      over: false,
    };
    scope.postMessage(totals);
    // A message to us is heard in between.
    await new Promise((resolve) => setTimeout(resolve, 0));
  }
  scope.postMessage({ ...totals, over: true });
  close();
};
