/**
 * The device layer, after Unikraft's uk_netdev: what drivers implement, what stacks call, and the
 * loop that brings the two together. It knows of no device and of no protocol.
 *
 * @module
 */

export {
  Backlog,
  type BacklogOptions,
  NET_RX_DROP,
  NET_RX_SUCCESS,
  NETDEV_MAX_BACKLOG,
} from "./backlog.ts";
export { type Clock, monotonicClock } from "./clock.ts";
export {
  declareDropReasons,
  dropCounters,
  dropReason,
  type DropReasonInfo,
  dropReasons,
} from "./drop_reasons.ts";
export { DmaArena } from "./dma_arena.ts";
export { DmaPools } from "./dma_pools.ts";
export { type DmaRegion, PlainRegion } from "./dma_region.ts";
export {
  EINFO_TYPES,
  einfoFromArguments,
  einfoFromCommandLine,
  type NetdevEinfo,
  type NetdevEinfoType,
  parseEinfo,
} from "./einfo.ts";
export type { FrameRecorder } from "./frame_recorder.ts";
export {
  allocEtherdev,
  allocNetdev,
  ARPHRD_ETHER,
  etherSetup,
  IFF_BROADCAST,
  IFF_MULTICAST,
  NetDevice,
  type NetDeviceOptions,
  NetDeviceState,
} from "./net_device.ts";
export {
  Netbuf,
  NETBUF_F_DATA_VALID,
  NETBUF_F_PARTIAL_CSUM,
  NETBUF_HEADROOM,
  type NetbufOwner,
} from "./netbuf.ts";
export {
  DEFAULT_NETBUF_STRIDE,
  NetbufPool,
  netbufPoolBytes,
  type NetbufPoolOptions,
  netbufStride,
} from "./netbuf_pool.ts";
export { Netdev } from "./netdev.ts";
export type { NetdevDetails, NetdevVector } from "./netdev_details.ts";
export type { NetdevOps } from "./netdev_driver.ts";
export { NetdevError, type NetdevErrorCode } from "./netdev_error.ts";
export { NetdevRegistry, type NetdevRegistryOptions } from "./netdev_registry.ts";
export type {
  NetdevCounters,
  NetdevQueueCounters,
  NetdevQueueStats,
  NetdevRingStats,
  NetdevStats,
} from "./netdev_stats.ts";
export {
  NETDEV_F_PARTIAL_CSUM,
  NETDEV_F_RX_CSUM,
  NETDEV_STATUS_MORE,
  NETDEV_STATUS_SUCCESS,
  NETDEV_STATUS_UNDERRUN,
  type NetdevConf,
  type NetdevDriverInfo,
  type NetdevInfo,
  type NetdevQueueInfo,
  type NetdevRxqConf,
  NetdevState,
} from "./netdev_types.ts";
export { PollLoop, type PollLoopOptions, type Ticker } from "./poll_loop.ts";
export {
  POLL_BUDGET,
  POLL_WEIGHT,
  PollScheduler,
  type PollSchedulerOptions,
} from "./poll_scheduler.ts";
export type { Napi, NapiCounters, PolledQueue } from "./polled_queue.ts";
export type { Waiter } from "./waiter.ts";
