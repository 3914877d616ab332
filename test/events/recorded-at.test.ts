import { describe, expect, it } from 'vitest'
import { envelopeSchema, recordedAt } from '../../src/events/envelope.ts'
import { eventOf, startFact } from '../support/events.ts'

const event = eventOf('S1', startFact('S1'))
const traced = { ...event, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }

describe('an event with its place in the log', () => {
  it('has every field of the envelope, in its order', () => {
    const recorded = recordedAt(7, event)
    expect(recorded).toEqual({ ...event, position: 7 })
    const order = Object.keys(envelopeSchema.shape).filter((field) => field !== 'traceparent')
    expect(Object.keys(recorded)).toEqual([...order, 'position'])
  })

  it('has the trace it belongs to, if it has one', () => {
    expect(recordedAt(7, traced)).toEqual({ ...traced, position: 7 })
  })
})
