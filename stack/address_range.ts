/*
 * Ranges of IPv4 addresses that are int32. They are compared as signed numbers: what lies between
 * 127.255.255.255 and 128.0.0.0, where the sign changes, is in the middle of no range of hosts'
 * addresses, as 127/8 is loopback, and of no subnet with a prefix.
 */

/** All addresses from one to another. */
export interface AddressRange {
  /** The lowest, an int32. */
  readonly first: number;
  /** The highest, an int32, on the same side of 128.0.0.0 and not below. */
  readonly last: number;
}

/** The same addresses in sorted ranges with gaps between them. */
export function mergeRanges(ranges: readonly AddressRange[]): AddressRange[] {
  const merged: AddressRange[] = [];
  for (const { first, last } of ranges.toSorted((a, b) => a.first - b.first)) {
    const before = merged.at(-1);
    if (before !== undefined && first <= before.last + 1) {
      merged[merged.length - 1] = { first: before.first, last: Math.max(before.last, last) };
    } else merged.push({ first, last });
  }
  return merged;
}

/** What is left of merged ranges without some addresses. */
export function withoutAddresses(
  ranges: readonly AddressRange[],
  addresses: readonly number[],
): AddressRange[] {
  const gaps = [...new Set(addresses)].sort((a, b) => a - b);
  const left: AddressRange[] = [];
  let next = 0;
  for (const { first, last } of ranges) {
    let from = first;
    while (next < gaps.length && gaps[next] < from) next++;
    for (; next < gaps.length && gaps[next] <= last; next++) {
      if (gaps[next] > from) left.push({ first: from, last: gaps[next] - 1 });
      from = gaps[next] + 1;
    }
    if (from <= last) left.push({ first: from, last });
  }
  return left;
}

/** How many addresses ranges without overlap have. */
export function countAddresses(ranges: readonly AddressRange[]): number {
  return ranges.reduce((count, { first, last }) => count + last - first + 1, 0);
}

/** The lowest address that two lists of merged ranges have in common, an int32; or null. */
export function firstCommon(
  some: readonly AddressRange[],
  others: readonly AddressRange[],
): number | null {
  let other = 0;
  for (const { first, last } of some) {
    while (other < others.length && others[other].last < first) other++;
    if (other < others.length && others[other].first <= last) {
      return Math.max(first, others[other].first);
    }
  }
  return null;
}
