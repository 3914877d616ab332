/** The last messages of a filter, for readers that are a little behind: all that there are from some position up to `end`. */
import type { Position } from '../../events/ids.ts'
import type { Stored } from './stored.ts'

const keptMessagesMax = 1_024
const keptCharactersMax = 2_097_152

export function keptMessages() {
  let messages: Stored[] = []
  let characters = 0
  let start: Position = Number.POSITIVE_INFINITY
  let end: Position = 0
  return {
    end: () => end,
    /** Nobody needs what lies before this position. */
    startAt(position: Position) {
      if (start <= end && position <= end) return
      messages = []
      characters = 0
      start = position
      end = position
    },
    /** Adds what comes next; what is here already is left out. */
    add(more: readonly Stored[]) {
      for (const message of more) {
        if (message.position <= end) continue
        messages.push(message)
        characters += message.body.length
        end = message.position
      }
      if (messages.length <= keptMessagesMax && characters <= keptCharactersMax) return
      const dropped = messages.splice(0, Math.ceil(messages.length / 2))
      characters -= dropped.reduce((sum, { body }) => sum + body.length, 0)
      start = dropped.at(-1)?.position ?? start
    },
    /** Null when some of them may be gone. */
    after(position: Position): readonly Stored[] | null {
      if (position < start) return null
      return messages.slice(messages.findLastIndex((message) => message.position <= position) + 1)
    },
  }
}
