/** What an audit of a session is made of, read once from the log: story, machine path, the record itself and its soundness. */
import { recordedAt, type RecordedEvent } from '../events/envelope.ts'
import type { Position, SessionId } from '../events/ids.ts'
import type { ArtifactRef, Output } from '../events/parts.ts'
import { INITIAL_STATE, stateName, type SessionState } from '../machines/decider.ts'
import { storyOf } from '../projections/story.ts'
import type { Story } from '../projections/story-document.ts'
import { isSwarmError, sessionNotFound } from './errors.ts'
import { contentOrLoss } from './lost-artifacts.ts'
import type { ClientPorts, LogEvent, LogParked } from './ports.ts'
import { takeIn, type Parked, type Step } from './trail.ts'
import { verifyTrail } from './verify.ts'

/** A state that the machine entered, and the event that led there. */
export type PathStep = { position: Position; type: string; time: string; from: string; to: string }
/** What `verify` says of the record: of its hashes, links, order and schema, and that the machine takes what is in it. */
export type Soundness = {
  ok: boolean
  /** Sound ones; `head_hash` is the last one's. */
  events: number
  head_hash: string
  bad: { position: Position; reason: string } | null
}
/** What an audit of one session is made of. */
export type Audit = {
  story: Story
  /** Every event of the history with its text as stored, which is what the hashes are over. */
  record: { event: RecordedEvent; body: string }[]
  path: PathStep[]
  /** Messages on the trail that are no events, that do not follow the history, or that the machine did not take. */
  parked: Parked[]
  soundness: Soundness
}

/** Throws `session_not_found`, `log_unreachable`. A history that is not sound is reported, not thrown. */
export async function readAudit(ports: Pick<ClientPorts, 'log' | 'sha256'>, sessionId: SessionId): Promise<Audit> {
  const items = await ports.log.read(sessionId)
  const { record, path, parked } = foldItems(items)
  const story = storyOf(record.map(({ event }) => event))
  if (story === null) throw sessionNotFound(sessionId)
  const { ok, events, head_hash, bad } = verifyTrail(sessionId, items, { sha256: ports.sha256 })
  const soundness = { ok, events, head_hash, bad: bad && { position: bad.position, reason: bad.reason } }
  return { story, record, path, parked, soundness }
}

type Folded = Pick<Audit, 'record' | 'path' | 'parked'>

/** What a session makes of its trail. From an event that is not possible where it stands on, events are only listed. */
function foldItems(items: readonly (LogEvent | LogParked)[]): Folded {
  let state: SessionState | null = INITIAL_STATE
  const folded: Folded = { record: [], path: [], parked: [] }
  for (const item of items) {
    const step: Step | null = state === null ? null : stepOf(state, item)
    if (step !== null && step.parked !== null) folded.parked.push(step.parked)
    const isListed = step === null || step.state.head !== state?.head
    if (item.kind === 'event' && isListed) {
      folded.record.push({ event: recordedAt(item.position, item.event), body: item.body })
      if (state !== null && step !== null) folded.path.push(...pathOf(state, step.state, item))
    }
    state = step?.state ?? null
  }
  return folded
}

function stepOf(state: SessionState, item: LogEvent | LogParked): Step | null {
  try {
    return takeIn(state, item)
  } catch (error) {
    if (!isSwarmError(error, 'history_corrupt')) throw error
    return null
  }
}

function pathOf(before: SessionState, after: SessionState, { event, position }: LogEvent): PathStep[] {
  const [from, to] = [stateName(before), stateName(after)]
  return from === to ? [] : [{ position, type: event.type, time: event.time, from, to }]
}

// ── texts that events only refer to ─────────────────────────────────────────────────────────────────────────────

export const TEXT_BYTES_MAX = 524_288
/** Of all texts of one audit. */
export const TEXTS_BYTES_MAX = 16_777_216
/** An artifact larger than this is not even fetched. */
export const FETCHED_BYTES_MAX = 67_108_864

export type AuditText = {
  kind: 'patch' | 'prompt' | 'stdout' | 'stderr'
  turn: number | null
  /** Of the event that refers to it. */
  position: Position
  ref: ArtifactRef
  /** Null: could not be shown; `note` says why. */
  text: string | null
  /** What the reader must know: what was cut, or why there is nothing. */
  note: string | null
}

/** The patch, the prompts and the outputs, each at most `TEXT_BYTES_MAX`. A missing or corrupt artifact is a note, not a fault. */
export async function readTexts(
  ports: Pick<ClientPorts, 'artifacts'>,
  events: readonly RecordedEvent[],
): Promise<AuditText[]> {
  const texts: AuditText[] = []
  let left = TEXTS_BYTES_MAX
  // The patch is what matters most, so it is read while there is room.
  const wanted = events
    .flatMap(referencesOf)
    .toSorted((a, b) => Number(b.kind === 'patch') - Number(a.kind === 'patch'))
  for (const reference of wanted) {
    const shown = await readText(ports, reference, Math.min(TEXT_BYTES_MAX, left))
    left -= Math.min(reference.ref.bytes, TEXT_BYTES_MAX, left)
    texts.push({ ...reference, ...shown })
  }
  return texts.toSorted((a, b) => a.position - b.position)
}

type Reference = Omit<AuditText, 'text' | 'note'>
type Shown = Pick<AuditText, 'text' | 'note'>

function referencesOf({ type, data, position }: RecordedEvent): Reference[] {
  const refer = (kind: AuditText['kind'], turn: number | null, ref: ArtifactRef | null | undefined): Reference[] =>
    ref === null || ref === undefined ? [] : [{ kind, turn, position, ref }]
  const outputs = (turn: number, stdout: Output | undefined, stderr: Output | undefined) => [
    ...refer('stdout', turn, stdout?.artifact),
    ...refer('stderr', turn, stderr?.artifact),
  ]
  switch (type) {
    case 'workspace.captured':
      return data.format === 'patch' ? refer('patch', null, data.patch) : []
    case 'turn.started':
      return refer('prompt', data.turn_number, data.prompt)
    case 'turn.exited':
    case 'turn.stalled':
    case 'turn.timed_out':
    case 'turn.interrupted':
    case 'turn.stopped':
      return outputs(data.turn_number, data.stdout, data.stderr)
    default:
      return []
  }
}

async function readText(
  ports: Pick<ClientPorts, 'artifacts'>,
  { kind, ref }: Reference,
  bytesMax: number,
): Promise<Shown> {
  if (bytesMax <= 0) return { text: null, note: `not shown: this page already holds ${TEXTS_BYTES_MAX} bytes of text` }
  if (ref.bytes > FETCHED_BYTES_MAX)
    return { text: null, note: `not shown: ${ref.bytes} bytes are too many for a page` }
  const found = await contentOrLoss(ports, ref)
  return 'loss' in found ? { text: null, note: `not shown: ${found.loss}` } : cutText(found.content, kind, bytesMax)
}

/** Of an output the end says most, of everything else the beginning. */
function cutText(content: Uint8Array, kind: AuditText['kind'], bytesMax: number): Shown {
  if (content.length <= bytesMax) return { text: new TextDecoder().decode(content), note: null }
  const end = kind === 'stdout' || kind === 'stderr'
  const kept = end ? content.subarray(content.length - bytesMax) : content.subarray(0, bytesMax)
  const note = `cut: the ${end ? 'last' : 'first'} ${bytesMax} of ${content.length} bytes`
  return { text: new TextDecoder().decode(kept).replace(/^\uFFFD+|\uFFFD+$/g, ''), note }
}
