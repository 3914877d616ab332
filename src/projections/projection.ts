/**
 * A projection is a pure reducer from events to documents, one per key. The same reducer serves live updating,
 * rebuilding from zero and time travel; applying an event twice changes nothing.
 */
import { createStore } from '@xstate/store'
import type { z } from 'zod'
import type { EventOf, RecordedEvent } from '../events/envelope.ts'
import type { Position } from '../events/ids.ts'
import { EVENT_TYPES, type EventType } from '../events/session-events.ts'

export type Recorded<T extends EventType> = EventOf<T> & { position: Position }

export type Projection<Document> = {
  name: string
  /** Raised whenever the same events give another document; the view is then rebuilt. */
  version: number
  /** The nouns whose events it reads; absent: all. */
  nouns?: readonly string[]
  /** Event types that change nothing, by decision. */
  ignores: readonly EventType[]
  keysOf: (event: RecordedEvent) => readonly string[]
  /** The document after an event. Null as long as no event has opened it. Idempotence comes from {@link applyEvent}. */
  apply(document: Document | null, event: RecordedEvent): Document | null
  /** The same for several events in log order. */
  applyAll(document: Document | null, events: readonly RecordedEvent[]): Document | null
  /** The same again as `@xstate/store` has it; a test holds them together. */
  transition(document: Document | null, event: RecordedEvent): Document | null
  schema: z.ZodType<Document>
}

/** A document with the position of the last event that was applied to its key. */
export type Stored<Document> = { position: Position; document: Document | null }

/** Every event type is opening, handled or ignored: leaving one out does not compile. */
export type Definition<Document, Opening extends EventType, Ignored extends EventType> = {
  name: string
  version: number
  nouns?: readonly string[]
  keysOf: (event: RecordedEvent) => readonly string[]
  /** Events that may begin a document; they get the existing one where there is one. */
  opens: { [T in Opening]: (document: Document | null, event: Recorded<T>) => Document }
  /** Events that change an open document; before it is open they change nothing. */
  on: {
    [T in Exclude<EventType, Opening | Ignored>]: (document: Document, event: Recorded<T>) => Document
  }
  ignores: readonly Ignored[]
  /** What every event does to an open document, after its own handler; ignored types included. */
  each?: (document: Document, event: RecordedEvent) => Document
  /** All of these events at once, where that is much cheaper than one after the other. */
  many?: (document: Document | null, events: readonly RecordedEvent[]) => Document | null
}

type Held<Document> = { document: Document | null }
type Step<Document> = (document: Document | null, event: RecordedEvent) => Document | null

/** `defineProjection(schema)({ ... })`: the schema fixes the document's type, the rest is checked against it. */
export function defineProjection<Document>(schema: z.ZodType<Document>) {
  return <const Opening extends EventType, const Ignored extends EventType>(
    definition: Definition<Document, Opening, Ignored>,
  ): Projection<Document> => {
    const { name, version, nouns, keysOf, ignores, many } = definition
    const steps = new Map<string, Step<Document>>(EVENT_TYPES.map((type) => [type, stepOf(definition, type)]))
    const apply: Step<Document> = (document, event) => {
      const step = steps.get(event.type)
      return step === undefined ? document : step(document, event)
    }
    return {
      name,
      version,
      ...(nouns === undefined ? {} : { nouns }),
      ignores,
      keysOf,
      schema,
      apply,
      applyAll: many ?? ((document, events) => events.reduce(apply, document)),
      transition: transitionOf(steps),
    }
  }
}

/** The store is only a definition: nothing is ever sent to it. Its transition costs many times what a step does. */
function transitionOf<Document>(steps: ReadonlyMap<string, Step<Document>>): Step<Document> {
  const on = Object.fromEntries([...steps].map(([type, step]) => [type, heldBy(step)]))
  const store = createStore<Held<Document>, RecordedEvent, never>({ context: { document: null }, on })
  const initial = store.getInitialSnapshot()
  return (document, event) => store.transition({ ...initial, context: { document } }, event)[0].context.document
}

function heldBy<Document>(step: Step<Document>) {
  return (held: Held<Document>, event: RecordedEvent): Held<Document> => {
    const document = step(held.document, event)
    return document === held.document ? held : { document }
  }
}

function stepOf<Document, Opening extends EventType, Ignored extends EventType>(
  definition: Definition<Document, Opening, Ignored>,
  type: EventType,
): Step<Document> {
  const opens = handlerOf<Document>(definition.opens, type)
  const handles = handlerOf<Document>(definition.on, type)
  const { each } = definition
  return (document, event) => {
    if (document === null && opens === undefined) return null
    const own = opens ?? handles
    const next = own === undefined ? document : own(document, event)
    return next === null || each === undefined ? next : each(next, event)
  }
}

/** The compiler knows each handler with its own event; which one it is was decided by the event's type. */
function handlerOf<Document>(handlers: object, type: EventType): Step<Document> | undefined {
  return (handlers as Record<string, Step<Document>>)[type]
}

/** Applies an event to what is stored under a key; one that was applied before changes nothing. */
export function applyEvent<Document>(
  projection: Projection<Document>,
  stored: Stored<Document> | null,
  event: RecordedEvent,
): Stored<Document> {
  if (stored !== null && event.position <= stored.position) return stored
  return { position: event.position, document: projection.apply(stored?.document ?? null, event) }
}

/** The same for several events in log order. */
export function applyEvents<Document>(
  projection: Projection<Document>,
  stored: Stored<Document> | null,
  events: readonly RecordedEvent[],
): Stored<Document> | null {
  const newer = stored === null ? events : events.filter(({ position }) => position > stored.position)
  const last = newer.at(-1)
  if (last === undefined) return stored
  return { position: last.position, document: projection.applyAll(stored?.document ?? null, newer) }
}

/** All documents of a projection from events in log order, by key; optionally on top of stored ones. */
export function foldDocuments<Document>(
  projection: Projection<Document>,
  events: Iterable<RecordedEvent>,
  onto: ReadonlyMap<string, Stored<Document>> = new Map(),
): Map<string, Stored<Document>> {
  const documents = new Map(onto)
  for (const event of events) {
    for (const key of projection.keysOf(event)) {
      documents.set(key, applyEvent(projection, documents.get(key) ?? null, event))
    }
  }
  return documents
}

export function bySession(event: RecordedEvent): readonly string[] {
  return [event.subject]
}
