/**
 * The session machine drawn from its own definition, as a Mermaid state diagram. Shown are the moves: events by type,
 * and what is passed over without an event by its guard in brackets. Commands and facts that move nothing are left out.
 * Mermaid draws no edge between the insides of two composites, so such a move is drawn twice: out of the inner state
 * to its composite's end, and between the two composites.
 */
import { sessionMachine } from './session-machine.ts'

type Node = typeof sessionMachine.root
const OTHERWISE = '[otherwise]'
type Move = { from: Node; to: Node; label: string }

/** The diagram's text, the same for the same machine. Pure. */
export function machineDiagram(): string {
  const edges = edgesByScope(movesOf(sessionMachine.root))
  return `${['stateDiagram-v2', ...inside(sessionMachine.root, edges, '  ')].join('\n')}\n`
}

function movesOf(node: Node): Move[] {
  const events = [...node.transitions]
    .filter(([type]) => type.includes('.'))
    .flatMap(([type, ways]) =>
      ways.flatMap(({ target, guard }) => {
        // Where an event has several ways on, the guard tells which; elsewhere it would only clutter the picture.
        const label = ways.length > 1 && guard !== undefined ? `${type} [${guardName(guard)}]` : type
        return (target ?? []).map((to) => ({ from: node, to, label }))
      }),
    )
  const passes = (node.always ?? []).flatMap(({ target, guard }, index) => {
    const label = guard === undefined ? (index > 0 ? OTHERWISE : '') : `[${guardName(guard)}]`
    return (target ?? []).map((to) => ({ from: node, to, label }))
  })
  return [...passes, ...events, ...childrenOf(node).flatMap(movesOf)] as Move[]
}

/** Lines of edges, by the id of the composite they are drawn in; several moves along one edge share it. */
function edgesByScope(moves: readonly Move[]): Map<string, string[]> {
  const labels = new Map<string, Map<string, string[]>>()
  const draw = (scope: Node, edge: string, label: string) => {
    const drawn = labels.get(idOf(scope)) ?? new Map<string, string[]>()
    labels.set(idOf(scope), drawn.set(edge, [...new Set([...(drawn.get(edge) ?? []), label])]))
  }
  for (const { from, to, label } of moves) {
    const [scope, source, target] = meetingOf(from, entered(to))
    if (source !== from && from.parent !== undefined) draw(from.parent, `${idOf(from)} --> [*]`, label)
    const into = entered(target) === entered(to) ? '' : ` to ${entered(to).key}`
    const seen = source === from || label !== OTHERWISE ? label : ''
    draw(scope, `${idOf(source)} --> ${idOf(target)}`, seen + into)
  }
  return new Map(
    [...labels].map(([scope, drawn]) => [scope, [...drawn].map(([edge, texts]) => edge + labelled(texts))]),
  )
}

function inside(node: Node, edges: Map<string, string[]>, indent: string): string[] {
  const children = childrenOf(node)
  const states = children.flatMap((child) =>
    childrenOf(child).length === 0
      ? [`state "${child.key}" as ${idOf(child)}`]
      : [`state "${child.key}" as ${idOf(child)} {`, ...inside(child, edges, '  '), '}'],
  )
  const first = children.filter((child) => entered(node) === entered(child)).map((child) => `[*] --> ${idOf(child)}`)
  const last = children.filter((child) => !movesOf(child).length).map((child) => `${idOf(child)} --> [*]`)
  return [...states, ...first, ...(edges.get(idOf(node)) ?? []), ...last].map((line) => indent + line)
}

/** The innermost composite that holds both, and the states right inside it through which the move goes. */
function meetingOf(from: Node, to: Node): [scope: Node, source: Node, target: Node] {
  const fromLine = lineOf(from)
  const toLine = lineOf(to)
  const shared = fromLine.filter((node, index) => node === toLine[index] && node !== from).length
  const scope = fromLine[shared - 1] ?? from
  return [scope, fromLine[shared] ?? from, toLine[shared] ?? to]
}

/** From the root down to the node. */
function lineOf(node: Node): Node[] {
  return node.parent === undefined ? [node] : [...lineOf(node.parent), node]
}

/** The innermost state that is entered with this one. */
function entered(node: Node): Node {
  const [first] = node.initial?.target ?? []
  return first === undefined ? node : entered(first as Node)
}

function childrenOf(node: Node): Node[] {
  return Object.values<Node>(node.states)
}

function idOf(node: Node): string {
  return node.path.join('_')
}

function labelled(texts: readonly string[]): string {
  const said = texts.filter((text) => text !== '')
  return said.length === 0 ? '' : ` : ${said.join('<br/>')}`
}

/** Guards are named in the machine: a plain name, or a name with parameters. */
function guardName(guard: unknown): string {
  if (typeof guard === 'string') return guard
  return typeof guard === 'object' && guard !== null && 'type' in guard ? String(guard.type) : 'guard'
}
