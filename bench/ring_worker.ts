/// <reference no-default-lib="true" />
/// <reference lib="deno.worker" />
import type { PartnerOptions } from "../tests/device/echo_partner.ts";
import { echoExchanges } from "../tests/device/echo_requests.ts";
import { timeBlocks } from "./echo_blocks.ts";
import { ChainPath, echoPaths } from "./echo_paths.ts";
import { figure, medianDifference } from "./figure.ts";
import { RING_BURST, type RingRow } from "./ring_rows.ts";

/* A thread that measures one kind of ring, is told which, and answers with a RingRow. */

const REQUESTS = 256;
const PAYLOAD_BYTES = 18;
const SEED = 0x75;
const WARM_UP_BLOCKS = 20;
const BLOCKS = 61;

self.onmessage = ({ data }: MessageEvent<PartnerOptions>): void => {
  const { ring = "split", indirect = false } = data;
  const requests = echoExchanges(REQUESTS, PAYLOAD_BYTES, SEED).map(({ request }) => request);
  const [device, driver, , , poll] = echoPaths(requests, data);
  const paths = [device, driver, poll, new ChainPath(requests, data)];
  timeBlocks(paths, [RING_BURST], WARM_UP_BLOCKS);
  const [ofDevice, ofDriver, ofPoll, ofChain] = timeBlocks(paths, [RING_BURST], BLOCKS)
    .map(([times]) => times);
  const own = figure(ofDevice).median;
  const row: RingRow = {
    ring,
    indirect,
    driver: medianDifference(ofDriver, ofDevice),
    echo: figure(ofPoll.map((value) => value - own)),
    chain: medianDifference(ofChain, ofDevice),
  };
  self.postMessage(row);
};
