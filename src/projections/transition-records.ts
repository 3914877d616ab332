/**
 * What changed from what to what, and why: the phase, the workspace, the turns and the offered tools of a session.
 * Shared by the view `transitions`, which keeps all of them, and `runtime-status`, which keeps those of the phase.
 */
import { z } from 'zod'
import type { SwarmEvent } from '../events/envelope.ts'
import { REASON_CODES, type ArtifactRef, type CapabilitySnapshot } from '../events/parts.ts'
import { artifactName } from '../events/subjects.ts'
import { lifecycleSchema, phaseAfter, type Lifecycle } from './phase.ts'
import { turnRef } from './refs.ts'
import { TURN_STATUSES, turnStatusAfter } from './status.ts'

export const SUBJECT_KINDS = ['runtime_status', 'workspace_session', 'capability', 'turn'] as const
const WORKSPACE_STATES = ['created', 'captured', 'removed', 'archived', 'kept', 'failed'] as const
type WorkspaceState = (typeof WORKSPACE_STATES)[number]

export const transitionRecordSchema = z.object({
  subject_kind: z.enum(SUBJECT_KINDS),
  subject_id: z.string().describe('the session, the name of its workspace, `<session>/<tool>` or `<session>/<turn>`'),
  from: z.string().nullable().describe('null: it did not exist before'),
  to: z.string(),
  reason: z.string(),
  reason_code: z.enum(REASON_CODES).nullable(),
  evidence_refs: z.array(z.string()).describe('artifact names, and what the executor gave as evidence'),
  at: z.string(),
})
export type TransitionRecord = z.output<typeof transitionRecordSchema>

/** Where every subject of a session is now. */
export const trackedSchema = z.object({
  lifecycle: lifecycleSchema.nullable(),
  workspace_name: z.string().nullable(),
  workspace: z.enum(WORKSPACE_STATES).nullable(),
  turn_number: z.int().nullable(),
  turn: z.enum(TURN_STATUSES).nullable(),
  tools: z.array(z.object({ name: z.string(), state: z.string() })),
})
export type Tracked = z.output<typeof trackedSchema>

export const UNTRACKED: Tracked = {
  lifecycle: null,
  workspace_name: null,
  workspace: null,
  turn_number: null,
  turn: null,
  tools: [],
}

/** The next state of all subjects, and a record for each one that changed. Pure. */
export function track(tracked: Tracked, event: SwarmEvent): { tracked: Tracked; records: TransitionRecord[] } {
  const next = trackedAfter(tracked, event)
  if (next === tracked) return { tracked, records: NO_RECORDS }
  const changes: Change[] = []
  addPhaseChange(changes, tracked.lifecycle, next.lifecycle, event)
  addWorkspaceChange(changes, tracked, next, event)
  addToolChanges(changes, tracked, next, event)
  addTurnChange(changes, tracked, next, event)
  return { tracked: next, records: changes.length === 0 ? NO_RECORDS : recordsOf(changes, event) }
}

/** The same for the phase alone. */
export function trackPhase(
  lifecycle: Lifecycle | null,
  event: SwarmEvent,
): { lifecycle: Lifecycle | null; records: TransitionRecord[] } {
  const next = phaseAfter(lifecycle, event)
  if (next === lifecycle) return { lifecycle, records: NO_RECORDS }
  const changes: Change[] = []
  addPhaseChange(changes, lifecycle, next, event)
  return { lifecycle: next, records: changes.length === 0 ? NO_RECORDS : recordsOf(changes, event) }
}

const NO_RECORDS: TransitionRecord[] = []

function recordsOf(changes: readonly Change[], event: SwarmEvent): TransitionRecord[] {
  const reason = reasonOf(event)
  const reason_code = 'reason_code' in event.data ? event.data.reason_code : null
  const evidence_refs = evidenceOf(event)
  return changes.map(({ subject_kind, subject_id, from, to }) => {
    return { subject_kind, subject_id, from, to, reason, reason_code, evidence_refs, at: event.time }
  })
}

type Change = Pick<TransitionRecord, 'subject_kind' | 'subject_id' | 'from' | 'to'>

/** The same object when nothing changed, as most events change nothing here. */
function trackedAfter(tracked: Tracked, event: SwarmEvent): Tracked {
  const started = event.type === 'turn.started'
  const lifecycle = phaseAfter(tracked.lifecycle, event)
  const workspace_name = workspaceNameAfter(tracked.workspace_name, event)
  const workspace = workspaceStateAfter(tracked.workspace, event)
  const turn = turnStatusAfter(tracked.turn, event)
  const isSame =
    !started &&
    lifecycle === tracked.lifecycle &&
    workspace_name === tracked.workspace_name &&
    workspace === tracked.workspace &&
    turn === tracked.turn
  if (isSame) return tracked
  const turn_number = started ? event.data.turn_number : tracked.turn_number
  const tools = started ? toolsAfter(tracked.tools, event.data.capabilities) : tracked.tools
  return { lifecycle, workspace_name, workspace, turn_number, turn, tools }
}

function workspaceNameAfter(name: string | null, event: SwarmEvent): string | null {
  if (event.type === 'start.requested') return event.data.workspace_name ?? event.subject
  return event.type === 'session.started' ? event.data.workspace.name : name
}

function workspaceStateAfter(state: WorkspaceState | null, event: SwarmEvent): WorkspaceState | null {
  switch (event.type) {
    case 'workspace.created':
      return 'created'
    case 'workspace.captured':
      return 'captured'
    case 'workspace.removed':
      return 'removed'
    case 'workspace.archived':
      return 'archived'
    case 'workspace.kept':
      return 'kept'
    case 'workspace.failed':
    case 'workspace.cleanup_failed':
      return 'failed'
    default:
      return state
  }
}

/** The same list when it says the same: most turns are offered what the last one was. */
function toolsAfter(tools: Tracked['tools'], { tools: offered, unavailable_tools: missing }: CapabilitySnapshot) {
  const isSame =
    tools.length === offered.length + missing.length &&
    offered.every(({ name }, index) => isAt(tools[index], name, AVAILABLE)) &&
    missing.every(({ name, reason_code }, index) => isAt(tools[offered.length + index], name, without(reason_code)))
  if (isSame) return tools
  return [
    ...offered.map(({ name }) => ({ name, state: AVAILABLE })),
    ...missing.map(({ name, reason_code }) => ({ name, state: without(reason_code) })),
  ]
}

const AVAILABLE = 'available'
const without = (reason: string) => `unavailable: ${reason}`

function isAt(tool: Tracked['tools'][number] | undefined, name: string, state: string): boolean {
  return tool?.name === name && tool.state === state
}

function addPhaseChange(
  changes: Change[],
  before: Lifecycle | null,
  after: Lifecycle | null,
  { subject }: SwarmEvent,
): void {
  const from = before?.phase ?? null
  const to = after?.phase ?? null
  if (to !== null && from !== to) changes.push({ subject_kind: 'runtime_status', subject_id: subject, from, to })
}

function addWorkspaceChange(changes: Change[], before: Tracked, after: Tracked, { subject }: SwarmEvent): void {
  const to = after.workspace
  if (to === null || before.workspace === to) return
  const subject_id = after.workspace_name ?? subject
  changes.push({ subject_kind: 'workspace_session', subject_id, from: before.workspace, to })
}

function addToolChanges(changes: Change[], before: Tracked, after: Tracked, { subject }: SwarmEvent): void {
  if (after.tools === before.tools) return
  const add = (name: string, from: string | null, to: string) => {
    if (from !== to) changes.push({ subject_kind: 'capability', subject_id: `${subject}/${name}`, from, to })
  }
  for (const { name, state } of after.tools) add(name, stateOf(before, name), state)
  for (const { name, state } of before.tools) if (stateOf(after, name) === null) add(name, state, 'gone')
}

function stateOf({ tools }: Tracked, name: string): string | null {
  return tools.find((tool) => tool.name === name)?.state ?? null
}

function addTurnChange(changes: Change[], before: Tracked, after: Tracked, { subject }: SwarmEvent): void {
  const { turn, turn_number } = after
  const isNew = before.turn_number !== turn_number
  if (turn === null || turn_number === null || (!isNew && before.turn === turn)) return
  const from = isNew ? null : before.turn
  changes.push({ subject_kind: 'turn', subject_id: turnRef(subject, turn_number), from, to: turn })
}

function reasonOf(event: SwarmEvent): string {
  const { data } = event
  if ('summary' in data) return data.summary
  if ('error' in data && typeof data.error === 'string') return data.error
  return 'reason' in data && data.reason !== undefined ? data.reason : event.type
}

function evidenceOf(event: SwarmEvent): string[] {
  switch (event.type) {
    case 'turn.started':
      return names(event.data.prompt, event.data.request)
    case 'turn.exited':
      return names(event.data.stdout.artifact, event.data.stderr.artifact, event.data.response_artifact)
    case 'turn.completed':
      return event.data.evidence_refs
    case 'workspace.captured':
      return names(event.data.patch)
    case 'workspace.archived':
      return names(event.data.archive)
    default:
      return []
  }
}

function names(...refs: (ArtifactRef | null)[]): string[] {
  return refs.filter((ref) => ref !== null).map(({ sha256 }) => artifactName(sha256))
}
