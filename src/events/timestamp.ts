/**
 * Conversions between RFC 3339 UTC timestamps (milliseconds, as stored in events) and epoch milliseconds.
 * The only pure file that touches `Date`: it converts values and never reads a clock.
 */

/** RFC 3339 UTC with milliseconds, e.g. `2026-11-25T01:02:03.004Z`. */
export type Timestamp = string

export function toTimestamp(epochMs: number): Timestamp {
  return new Date(epochMs).toISOString()
}

/** NaN when the text is no timestamp: callers at the edge check, the core trusts its own events. */
export function toEpochMs(timestamp: Timestamp): number {
  return Date.parse(timestamp)
}
