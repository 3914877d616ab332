/** Looks at the events of sessions after the fact. */
import { expect } from 'vitest'
import type { ConnectedSwarm } from '../../src/connect.ts'
import type { EventOf, RecordedEvent } from '../../src/events/envelope.ts'
import type { EventType } from '../../src/events/session-events.ts'
import { VIEW_NAMES } from '../../src/projections/names.ts'
import { pidsOfWorkspacesIn } from './processes.ts'

export type Recorded<T extends EventType> = EventOf<T> & { position: number }

export function typesOf(events: readonly RecordedEvent[]): string[] {
  return events.map((event) => event.type)
}

export function allOf<T extends EventType>(events: readonly RecordedEvent[], type: T): Recorded<T>[] {
  return events.filter((event): event is Recorded<T> => event.type === type)
}

/** The one event of its type; throws when there is none or more than one. */
export function only<T extends EventType>(events: readonly RecordedEvent[], type: T): Recorded<T> {
  const [found, ...more] = allOf(events, type)
  if (found === undefined || more.length > 0) {
    throw new Error(`expected one ${type}, found ${more.length + (found ? 1 : 0)} in ${typesOf(events).join(', ')}`)
  }
  return found
}

/** Every view of a namespace read as a user reads it equals the one rebuilt from the log, and every trail folds. */
export async function expectViewsToBeTrue(swarm: ConnectedSwarm): Promise<void> {
  const head = await swarm.ports.log.head()
  for (const view of VIEW_NAMES) {
    const rebuilt = await swarm.views(view, { at: head })
    const byKey = (documents: typeof rebuilt) => documents.toSorted((a, b) => (a.key < b.key ? -1 : 1))
    expect(byKey(await swarm.views(view)), `all of ${view}`).toEqual(byKey(rebuilt))
    for (const { key, position, document } of rebuilt) {
      expect(await swarm.view(view, key), `${view} ${key}`).toEqual({ key, position, document })
    }
  }
}

/** `directory`: what holds the workspaces of these sessions. */
export async function expectNothingLeft(
  swarm: ConnectedSwarm,
  sessions: readonly string[],
  directory: string,
): Promise<void> {
  await expectViewsToBeTrue(swarm)
  expect(pidsOfWorkspacesIn(directory), `processes of sessions in ${directory}`).toEqual([])
  for (const sessionId of sessions) {
    const steps = await swarm.replaySteps(sessionId)
    expect(steps.filter((step) => step.parked !== null)).toEqual([])
  }
}
