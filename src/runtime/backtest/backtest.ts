/** Recorded sessions under another workflow's limits: how each would have ended, and what can't be told. */
import { recordedAt, type RecordedEvent } from '../../events/envelope.ts'
import type { Position, SessionId } from '../../events/ids.ts'
import type { WorkflowConfig } from '../../events/workflow-config.ts'
import { backtestSession, type SessionBacktest } from './session.ts'
import type { EventLog } from '../ports.ts'

/** Each recorded session beside how it would have ended, and the sum of it. */
export type Backtest = {
  sessions: SessionBacktest[]
  summary: {
    sessions: number
    same: number
    different: number
    unknown: number
    /** How often each end would have become another one. */
    changes: { from: string; to: string; sessions: number }[]
    /** Messages in the log that could not be read; their sessions are judged by the rest. */
    parked: number
  }
}

/** Judges every session that was asked for after a position, oldest first. Throws `log_unreachable`. */
export async function backtest(
  log: Pick<EventLog, 'subscribe'>,
  config: WorkflowConfig,
  { after = 0 }: { after?: Position } = {},
): Promise<Backtest> {
  const open = new Map<SessionId, RecordedEvent[]>()
  const judged = new Map<SessionId, SessionBacktest | null>()
  let parked = 0
  for await (const item of log.subscribe({ after, once: true })) {
    if (item.kind === 'parked') parked += 1
    if (item.kind !== 'event') continue
    const event: RecordedEvent = recordedAt(item.position, item.event)
    if (event.type === 'start.requested') {
      open.set(event.subject, [])
      judged.set(event.subject, null)
    }
    const trail = open.get(event.subject)
    trail?.push(event)
    // A closed session is judged at once, so that only those still open are held in memory.
    if (event.type === 'session.closed' && trail !== undefined) {
      judged.set(event.subject, backtestSession(trail, config))
      open.delete(event.subject)
    }
  }
  for (const [sessionId, trail] of open) judged.set(sessionId, backtestSession(trail, config))
  const sessions = [...judged.values()].filter((session) => session !== null)
  return { sessions, summary: summaryOf(sessions, parked) }
}

function summaryOf(sessions: readonly SessionBacktest[], parked: number): Backtest['summary'] {
  const count = (kind: SessionBacktest['would']) => sessions.filter(({ would }) => would === kind).length
  const [same, unknown] = [count('same'), count('unknown')]
  const changes = new Map<string, Backtest['summary']['changes'][number]>()
  for (const { recorded, would } of sessions) {
    if (typeof would === 'string') continue
    const [from, to] = [recorded.reason_code ?? 'not ended', would.reason_code]
    const change = changes.get(`${from} ${to}`) ?? { from, to, sessions: 0 }
    changes.set(`${from} ${to}`, { ...change, sessions: change.sessions + 1 })
  }
  return {
    sessions: sessions.length,
    same,
    different: sessions.length - same - unknown,
    unknown,
    changes: [...changes.values()].toSorted((a, b) => b.sessions - a.sessions),
    parked,
  }
}
