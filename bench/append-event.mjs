/** Appends events to a trail through the log, each sealed onto the one before. */
import { randomUUID } from 'node:crypto'
import { NO_HASH } from '../dist/events/envelope.js'
import { sealEvent } from '../dist/events/hash-chain.js'
import { sha256 } from './fill.mjs'

export function appender(log, trail, source = 'bench') {
  let prevHash = NO_HASH
  let causationId = trail
  let version = 0
  let count = 0
  const next = () => {
    const time = new Date().toISOString()
    const data = { turn_number: 1, last_activity: time, stdout_bytes: ++count, stderr_bytes: 0 }
    const seal = { id: randomUUID(), source, sessionId: trail, time, correlationId: trail, causationId, prevHash }
    return sealEvent({ type: 'turn.progressed', data }, seal, sha256)
  }
  const append = async () => {
    const event = next()
    version = await log.append(event, version)
    prevHash = event.hash
    causationId = event.id
    return { event, position: version }
  }
  return { append, bytes: JSON.stringify(next()).length }
}
