/**
 * Event suppression of a packed virtqueue (virtio 1.2 §2.8.10), which each side has a word for:
 * `desc_event_off:15 desc_event_wrap:1 flags:2`.
 *
 * @module
 */

/** Tell of each descriptor. */
export const RING_EVENT_FLAGS_ENABLE = 0 << 16;
/** Tell of none. */
export const RING_EVENT_FLAGS_DISABLE = 1 << 16;
/** Tell of the one at this offset, in the lap with this wrap counter. */
export const RING_EVENT_FLAGS_DESC = 2 << 16;
/** The bits that are flags. */
export const RING_EVENT_FLAGS = 3 << 16;
/** desc_event_wrap. */
export const EVENT_WRAP = 1 << 15;
/** The bits of desc_event_off. */
export const EVENT_OFFSET = EVENT_WRAP - 1;
