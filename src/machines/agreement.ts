/**
 * What events repeat of their trail's past, so that one event alone says what it is about: which turn, which outcome, how
 * many turns. A sound history repeats it truly; the machine itself does not ask, as it goes by the past alone.
 * Words (summaries, reasons, tasks) are not compared: a later release may put them otherwise.
 */
import type { SwarmEvent } from '../events/envelope.ts'
import type { SessionContext } from './context.ts'

/** A field of an event's data, what it says, and what the trail before it says. */
type Repeated = readonly [field: string, said: unknown, known: unknown]

/** Where an event is at odds with the trail before it; null when it is not. `context`: before the event. */
export function disagreementOf(context: SessionContext, event: SwarmEvent): string | null {
  const wrong = repeatedIn(context, event).find(([, said, known]) => said !== known)
  if (wrong === undefined) return null
  const [field, said, known] = wrong
  return `${event.type} says ${field} ${JSON.stringify(said)}, the events before it ${JSON.stringify(known)}`
}

function repeatedIn(context: SessionContext, event: SwarmEvent): readonly Repeated[] {
  const { turn, turnsStarted } = context
  switch (event.type) {
    case 'checks.passed':
      return [['that all passed', true, event.data.checks.every(({ ok }) => ok)]]
    case 'checks.failed':
      return [['that all passed', false, event.data.checks.every(({ ok }) => ok)]]
    case 'turn.started':
      return [['turn_number', event.data.turn_number, turnsStarted + 1]]
    case 'turn.spawned':
    case 'turn.progressed':
    case 'turn.exited':
    case 'turn.stalled':
    case 'turn.timed_out':
    case 'turn.interrupted':
    case 'turn.stopped':
    case 'tool.finished':
      return [['turn_number', event.data.turn_number, turn?.number]]
    case 'turn.completed':
      return [
        ['turn_number', event.data.turn_number, turn?.number],
        ['status', event.data.status, turn?.response?.status ?? 'failed'],
      ]
    case 'post.held':
      return [['post_id', event.data.post_id, context.post?.post_id]]
    case 'session.resumed':
      return [['guidance', event.data.guidance, context.guidance ?? '']]
    case 'session.completed':
    case 'session.failed':
    case 'session.blocked':
    case 'session.stopped':
      return conclusionIn(context, event)
    case 'session.closed':
      return [
        ['outcome', event.data.outcome, context.outcome ?? 'failed'],
        ['turns', event.data.turns, turnsStarted],
      ]
    default:
      return []
  }
}

type Conclusion = Extract<SwarmEvent, { type: `session.${'completed' | 'failed' | 'blocked' | 'stopped'}` }>

/** A session can always fail, whatever it was heading for: what it needed was not possible. Nothing then was verified. */
function conclusionIn({ verdict }: SessionContext, { type, data }: Conclusion): readonly Repeated[] {
  const verified = data.verified ?? null
  if (type === 'session.failed') return [['verified', verified, null]]
  return [
    ['outcome', type, `session.${verdict?.outcome}`],
    ['reason_code', data.reason_code, verdict?.reason_code],
    ['verified', verified, verdict?.verified],
  ]
}
