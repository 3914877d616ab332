/**
 * Reads the log by a consumer: much of it at a third of what direct gets cost the server, and what is new without asking
 * first. Not everybody may make one (see role-config.ts), and one may end at any time: then it says so, and the reader
 * goes on by direct gets. Nothing is remembered by it: it begins where its reader stands.
 */
import type { ConsumerConfig } from '@nats-io/jetstream'
import { nanos, nuid, type Msg } from '@nats-io/transport-node'
import type { Position } from '../../events/ids.ts'
import { isSwarmError } from '../../runtime/errors.ts'
import { bellOf } from './bell.ts'
import type { NatsLink } from './connection.ts'
import { manager, PULL_LEFT } from './jetstream.ts'
import { asLogFault } from './log-errors.ts'
import { ANY_SUBJECT, bodyOf, type Batch, type Stored } from './stored.ts'

/** Two pulls at most are on their way: so much waits here for a reader that stands still. */
const pullMessagesMax = 512
const pullBytesMax = 2_097_152
const pullMs = 30_000
/** The server forgets a consumer from which nobody pulls for so long. */
const forgottenAfterMs = 30_000
const answerMs = 5_000
/** It stands in every delivery, and each character costs the reader time. */
const nameLength = 10
const TIME_OVER = 408

export type BulkRead = {
  /**
   * What has come since: at least one message, in order and without a gap. Null when no more will come this way, as when
   * nothing came although it should have. `idle`: there may be nothing for as long as it takes.
   */
  next(options?: { idle?: boolean }): Promise<Batch | null>
  close(): void
}

export function bulkReader(link: NatsLink, stream: string) {
  let refused = false

  /** Null when there is none to be had, for this user or at this moment. Never throws. */
  async function open(subjects: readonly string[], after: Position): Promise<BulkRead | null> {
    if (refused) return null
    const name = nuid.next().slice(-nameLength)
    try {
      const { consumers } = await manager(link.nc, { timeout: answerMs })
      await consumers.add(stream, configOf(name, subjects, after))
      // Should this not reach the server, it forgets the consumer by itself.
      const forget = () => void consumers.delete(stream, name).then(undefined, () => undefined)
      return readConsumer(link, stream, name, after, forget)
    } catch (error) {
      refused = !isSwarmError(asLogFault(error, stream), 'log_unreachable')
      return null
    }
  }

  return { open }
}

function configOf(name: string, subjects: readonly string[], after: Position): Partial<ConsumerConfig> {
  return {
    name,
    ...filterOf(subjects),
    deliver_policy: 'by_start_sequence',
    opt_start_seq: after + 1,
    ack_policy: 'none',
    replay_policy: 'instant',
    inactive_threshold: nanos(forgottenAfterMs),
    num_replicas: 1,
    mem_storage: true,
  }
}

function readConsumer(link: NatsLink, stream: string, name: string, after: Position, forget: () => void): BulkRead {
  const inbox = link.inbox()
  const inflow = inflowOf(name, after)
  const subscription = link.nc.subscribe(inbox, { callback: inflow.take })
  const pull = JSON.stringify({ batch: pullMessagesMax, max_bytes: pullBytesMax, expires: nanos(pullMs) })
  const ask = () => {
    while (inflow.due() <= pullMessagesMax) {
      link.nc.publish(`$JS.API.CONSUMER.MSG.NEXT.${stream}.${name}`, pull, { reply: inbox })
      inflow.asked(pullMessagesMax)
    }
  }
  ask()
  return {
    async next({ idle = false } = {}) {
      for (;;) {
        const batch = inflow.arrived()
        if (!inflow.over()) ask()
        if (batch !== null || inflow.over()) return batch
        if (!(await inflow.changes(idle ? pullMs + answerMs : answerMs))) return null
      }
    },
    close() {
      subscription.unsubscribe()
      inflow.end()
      if (link.connected()) forget()
    },
  }
}

function filterOf(subjects: readonly string[]): { filter_subject?: string; filter_subjects?: string[] } {
  const [only, ...more] = subjects
  if (only === undefined || only === ANY_SUBJECT) return {}
  return more.length === 0 ? { filter_subject: only } : { filter_subjects: [...subjects] }
}

/** What a consumer delivers, checked: its own count of messages shows a gap, whatever got lost on the way. */
function inflowOf(consumer: string, after: Position) {
  let messages: Stored[] = []
  let last: Delivery = { position: after, count: 0, pending: 0 }
  let due = 0
  let over = false
  const bell = bellOf()
  const deliveryOf = deliveriesOf(consumer)

  function isNext(message: Msg, delivery: Delivery | null): boolean {
    if (delivery === null || delivery.count !== last.count + 1 || delivery.position <= last.position) return false
    last = delivery
    due -= 1
    messages.push({ position: last.position, subject: message.subject, body: bodyOf(message.data), item: null })
    return true
  }

  /** A pull that ends tells how many messages it left: its time was over, or it weighs enough. Else one that gave nothing never will. */
  function goesOn({ headers }: Msg): boolean {
    const left = Number(headers?.last(PULL_LEFT) || pullMessagesMax)
    due -= left
    return left < pullMessagesMax || headers?.code === TIME_OVER
  }

  return {
    due: () => due,
    over: () => over,
    changes: (ms: number) => bell.rung(ms),
    asked(count: number) {
      due += count
    },
    end() {
      over = true
      bell.ring()
    },
    take: (error: Error | null, message: Msg) => {
      const reply = error === null ? message.reply : undefined
      over ||= error !== null || !(reply ? isNext(message, deliveryOf(reply)) : goesOn(message))
      bell.ring()
    },
    arrived(): Batch | null {
      if (messages.length === 0) return null
      const taken = messages
      messages = []
      return { messages: taken, pending: last.pending }
    },
  }
}

/** `count`: how many the consumer has delivered; `pending`: how many lie behind. */
type Delivery = { position: Position; count: number; pending: number }

/**
 * Reads reply subjects, which end in `.<consumer>.<times delivered>.<position>.<count>.<time>.<pending>` and perhaps one
 * more token. Null for another consumer's.
 */
function deliveriesOf(consumer: string): (reply: string) => Delivery | null {
  const name = `.${consumer}.`
  let numbersAt = -1
  return (reply) => {
    // It stands at the same place in all of them.
    if (numbersAt === -1) numbersAt = reply.indexOf(name) + name.length
    if (!reply.startsWith(name, numbersAt - name.length)) return null
    const position = reply.indexOf('.', numbersAt) + 1
    const count = reply.indexOf('.', position) + 1
    const time = reply.indexOf('.', count) + 1
    const pending = reply.indexOf('.', time) + 1
    if (pending === 0) return null
    return { position: numberAt(reply, position), count: numberAt(reply, count), pending: numberAt(reply, pending) }
  }
}

/** The digits from here on as a number. */
function numberAt(text: string, from: number): number {
  let value = 0
  for (let at = from; at < text.length; at++) {
    const digit = text.charCodeAt(at) - 48
    if (digit < 0 || digit > 9) break
    value = value * 10 + digit
  }
  return value
}
