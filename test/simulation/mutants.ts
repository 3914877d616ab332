/**
 * Ways to get it wrong, as wrappers of the log that the real code is given: what the simulation must catch. They exist
 * only here; no production code knows of them.
 */
import type { SwarmEvent } from '../../src/events/envelope.ts'
import type { Position, Version } from '../../src/events/ids.ts'
import { isSwarmError, SwarmError } from '../../src/runtime/errors.ts'
import type { Actor } from './scheduler.ts'
import type { Server } from './server.ts'
import type { World } from './world.ts'

export const MUTANTS = [
  'position_derived_ids',
  'ambiguous_is_conflict',
  'effects_before_append',
  'claim_without_version',
] as const
export type Mutant = (typeof MUTANTS)[number]

type Append = (event: SwarmEvent, expected: Version) => Promise<Position>

export function isMutant(name: string): name is Mutant {
  return (MUTANTS as readonly string[]).includes(name)
}

/** What the server does with an append that arrives. */
export function serverAppend(server: Server, mutant: Mutant | null): Append {
  return async (event, expected) => {
    if (mutant === 'position_derived_ids') {
      // Two events for the same place have the same message id, so the second is "a duplicate": acknowledged and dropped.
      const taken = await server.nextOf(event.subject, expected)
      if (taken !== null) return taken
    }
    if (mutant === 'claim_without_version' && event.type === 'session.claimed') {
      return server.append(event, await server.versionOf(event.subject))
    }
    return server.append(event, expected)
  }
}

/** What the client of the log makes of it. */
export function clientAppend(world: World, server: Server, actor: Actor, mutant: Mutant | null, send: Append): Append {
  if (mutant === 'ambiguous_is_conflict') {
    return (event, expected) =>
      send(event, expected).catch((error: unknown) => {
        if (!isSwarmError(error, 'append_outcome_unknown')) throw error
        throw new SwarmError('wrong_expected_version', 'taken for a conflict without looking', { cause: error })
      })
  }
  if (mutant === 'effects_before_append') {
    return async (event, expected) => {
      if (!event.source.startsWith('runner/') || event.type === 'session.claimed') return send(event, expected)
      // The log is believed to have it as soon as it is on its way: what the event asks for is begun before.
      void send(event, expected).catch((error: unknown) =>
        world.note(`${actor.name} lost ${event.type}: ${String(error)}`),
      )
      await world.scheduler.delay(actor, 0)
      return server.head + 1
    }
  }
  return send
}
