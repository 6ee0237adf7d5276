import type { DmaRegion } from "../netdev/dma_region.ts";

/** What the options of an IPv4 header are like. */
export const OptionsCheck = {
  /** Each fits; none needs to be heeded. */
  OK: 0,
  /** One does not fit its own or the header's length. */
  MALFORMED: 1,
  /** There is a loose or strict source route. */
  SOURCE_ROUTE: 2,
} as const;

/** One of the values of {@link OptionsCheck}. */
export type OptionsCheck = typeof OptionsCheck[keyof typeof OptionsCheck];

/** Option types, copied flag and class included (RFC 791 §3.1). */
const END_OF_OPTION_LIST = 0;
const NO_OPERATION = 1;
const RECORD_ROUTE = 7;
const INTERNET_TIMESTAMP = 68;
const LSRR = 131;
const SSRR = 137;

/** Smallest legal pointers, counted from 1 at the option's type (RFC 791 §3.1). */
const RECORD_ROUTE_MIN_POINTER = 4;
const TIMESTAMP_MIN_POINTER = 5;

/**
 * Walks the `length` bytes of options (0 to 40) at `offset`. Unknown options are skipped (RFC 1122
 * §3.2.1.8), source routes singled out for refusal (RFC 7126 §4.3, §4.4).
 */
export function checkIpv4Options(region: DmaRegion, offset: number, length: number): OptionsCheck {
  const { u8 } = region;
  const end = offset + length;
  let option = offset;
  while (option < end) {
    const type = u8[option];
    if (type === END_OF_OPTION_LIST) return OptionsCheck.OK;
    if (type === NO_OPERATION) {
      option++;
      continue;
    }
    if (type === LSRR || type === SSRR) return OptionsCheck.SOURCE_ROUTE;
    const optionLength = option + 1 < end ? u8[option + 1] : 0;
    if (optionLength < 2 || option + optionLength > end) return OptionsCheck.MALFORMED;
    const minPointer = smallestPointer(type);
    if (minPointer > 0 && (optionLength < 3 || u8[option + 2] < minPointer)) {
      return OptionsCheck.MALFORMED;
    }
    option += optionLength;
  }
  return OptionsCheck.OK;
}

/** The smallest pointer of an option type, or 0 when it has none. */
function smallestPointer(type: number): number {
  if (type === RECORD_ROUTE) return RECORD_ROUTE_MIN_POINTER;
  if (type === INTERNET_TIMESTAMP) return TIMESTAMP_MIN_POINTER;
  return 0;
}
