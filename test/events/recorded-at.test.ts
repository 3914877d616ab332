import { describe, expect, it } from 'vitest'
import { envelopeSchema, recordedAt } from '../../src/events/envelope.ts'
import { eventOf, startFact } from '../support/events.ts'

const event = eventOf('S1', startFact('S1'))
const traced = { ...event, traceparent: '00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01' }
const inOrder = Object.keys(envelopeSchema.shape)

describe('an event with its place in the log', () => {
  it.each([
    ['without a trace', event, inOrder.filter((field) => field !== 'traceparent')],
    ['with one', traced, inOrder],
  ])('has every field of the envelope, in its order: %s', (_, given, fields) => {
    const recorded = recordedAt(7, given)
    expect(recorded).toEqual({ ...given, position: 7 })
    expect(Object.keys(recorded)).toEqual([...fields, 'position'])
  })
})
