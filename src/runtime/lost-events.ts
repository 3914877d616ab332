/** What a log has lost: nothing is ever deleted, so each of its positions holds an event or a message that is none. */
import type { Position } from '../events/ids.ts'

/** How many events are lost, and the first of the gaps that they have left. */
export type LostEvents = { count: number; first: { from: Position; to: Position }[] }

const GAPS_SHOWN_MAX = 100

/** Told of all positions of a log in their order, and at last of its head. */
export function lostEvents() {
  const lost: LostEvents = { count: 0, first: [] }
  let next: Position = 1

  function reach(position: Position): void {
    if (position > next) {
      lost.count += position - next
      if (lost.first.length < GAPS_SHOWN_MAX) lost.first.push({ from: next, to: position - 1 })
    }
    next = Math.max(next, position)
  }

  return {
    lost,
    there(position: Position): void {
      reach(position)
      next = position + 1
    },
    head: (position: Position) => reach(position + 1),
  }
}
