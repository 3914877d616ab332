/** What an executor is told of earlier sessions, built from the log. */
import type { Outcome } from '../../events/terms.ts'
import type { StartInput } from '../../events/start-input.ts'
import type { DocumentOf } from '../../projections/catalog.ts'
import { relatedKeys } from '../../projections/related-sessions.ts'
import type { ClientPorts } from '../ports.ts'
import { readAcross, readViews } from '../views.ts'

/** What an earlier finished session of the same objective or tracker item ended with. */
export type RecallEntry = {
  session_id: string
  outcome: Outcome
  summary: string
  evidence_refs: string[]
  /** Paths that it changed, as captured. */
  files: string[]
  ended_at: string
}
const RECALL_SESSIONS_MAX = 10
const RECALL_FILES_MAX = 50
const RECALL_EVIDENCE_MAX = 50

type Registered = DocumentOf<'registry'>

/** What earlier finished sessions of the same objective or tracker item ended with, newest first. */
export async function recalled(ports: ClientPorts, request: StartInput): Promise<RecallEntry[]> {
  const records = (await related(ports, request)).filter((record) => isEarlier(record, request))
  return Promise.all(records.slice(0, RECALL_SESSIONS_MAX).map((record) => recallOf(ports, record)))
}

/** The newest records of the same objective or tracker item, newest first. */
async function related(ports: ClientPorts, request: StartInput): Promise<Registered[]> {
  const keys = relatedKeys(request)
  const found = await Promise.all(keys.map((key) => readAcross(ports, 'relatedSessions', key)))
  const sessions = found
    .flatMap((index) => index?.document?.sessions ?? [])
    .toSorted((a, b) => b.started_at - a.started_at)
  return readViews(ports, 'registry', [...new Set(sessions.map(({ session_id }) => session_id))])
}

/** Whether a session is another, finished one of the same objective or tracker item. */
function isEarlier(record: Registered, request: StartInput): boolean {
  if (record.session_id === request.session_id || record.outcome === null) return false
  return (
    (request.tracker_item_id !== undefined && record.tracker_item_id === request.tracker_item_id) ||
    (request.objective_id !== undefined && record.objective_id === request.objective_id)
  )
}

async function recallOf({ log }: ClientPorts, record: Registered): Promise<RecallEntry> {
  const evidence: string[] = []
  let files: string[] = []
  for (const item of await log.read(record.session_id)) {
    if (item.kind !== 'event') continue
    if (item.event.type === 'turn.completed') evidence.push(...item.event.data.evidence_refs)
    if (item.event.type === 'workspace.captured') files = item.event.data.files.map((file) => file.path)
  }
  return {
    session_id: record.session_id,
    outcome: record.outcome ?? 'failed',
    summary: record.result_summary ?? '',
    evidence_refs: evidence.slice(-RECALL_EVIDENCE_MAX),
    files: files.slice(0, RECALL_FILES_MAX),
    ended_at: record.ended_at ?? record.updated_at,
  }
}
