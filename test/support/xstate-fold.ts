/** What XState itself makes of an event: the meaning that the transition table has to have too. */
import type { StateValue } from 'xstate'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import type { SessionState } from '../../src/machines/decider.ts'
import { pureTransition, snapshotAt } from '../../src/machines/pure-transition.ts'
import { INTENT_TYPES, sessionMachine } from '../../src/machines/session-machine.ts'
import type { Moved } from '../../src/machines/transition-table.ts'

/** Null when XState takes no transition on the event. */
export function foldByXState({ at, context }: SessionState, event: SwarmEvent): Moved | null {
  const before = snapshotAt(at, context)
  const [after, actions] = pureTransition(before, event)
  if (after === before) return null
  const active = pathsIn(after.value)
  const asked = new Map<string, Moved['asked'][number]>()
  for (const { type, params } of actions) {
    const known = INTENT_TYPES.find((one) => one === type)
    if (known === undefined) throw new Error(`event ${event.type} leads to an action ${type}`)
    // The same kind of work may have been asked for by a state that was only passed through: the active one asked last.
    const owner = active.find((path) => ASKED_BY.get(known)?.has(path))
    if (owner !== undefined) asked.set(owner, { type: known, params: params ?? {}, owner } as Moved['asked'][number])
  }
  return { at: active.at(-1) ?? '', context: after.context, asked: [...asked.values()] }
}

/** The path of each active state, outermost first. */
export function pathsIn(value: StateValue, prefix = ''): string[] {
  if (typeof value === 'string') return [prefix + value]
  return Object.entries(value).flatMap(([key, inner]) =>
    inner === undefined ? [] : [prefix + key, ...pathsIn(inner, `${prefix}${key}.`)],
  )
}

type Node = typeof sessionMachine.root

/** For each intent, the paths of the states whose entry asks for it. */
const ASKED_BY: ReadonlyMap<string, ReadonlySet<string>> = (() => {
  const found = new Map<string, Set<string>>(INTENT_TYPES.map((type) => [type, new Set()]))
  const walk = (node: Node) => {
    for (const action of node.entry) {
      const type = typeof action === 'string' ? action : typeof action === 'object' ? action.type : ''
      found.get(type)?.add(node.path.join('.'))
    }
    for (const child of Object.values<Node>(node.states)) walk(child)
  }
  walk(sessionMachine.root)
  return found
})()
