/** Sessions in words: the table of `ps`, the full text of `show`, the end of `run`. */
import type { CheckResult, Capture } from '../../events/parts.ts'
import type { RegistryRecord } from '../../runtime/swarm.ts'
import { countWords, durationWords } from '../../words/amounts.ts'
import { isCutOff, unjudgedWords } from '../../projections/verification.ts'
import { checkWords } from './check-words.ts'
import { coloured, colourOfStatus } from './colours.ts'
import { oneLine } from './printable.ts'
import { fields, table } from './table.ts'

const FILES_SHOWN_MAX = 20

export function sessionTable(records: readonly RegistryRecord[], nowMs: number, columns: number): string[] {
  const header = ['SESSION', 'STATUS', 'PHASE', 'TURN', 'AGE', 'LABELS', 'TASK']
  const rows = records.map((record) => [
    record.session_id,
    record.status,
    record.phase,
    `${record.turn_count}/${record.max_turns ?? '?'}`,
    durationWords(nowMs - Date.parse(record.created_at)),
    labelsOf(record),
    record.task,
  ])
  return table(header, rows, columns)
}

/** What the trail says beyond the registry's document; the stop checks are those of the last claim. */
export type SessionFacts = { capture: Capture | null; stopChecks: readonly CheckResult[] | null }

/** Tells what was claimed apart from what was verified. */
export function sessionText(record: RegistryRecord, facts: SessionFacts, colours: boolean): string[] {
  const head = fields([
    ['session', record.session_id],
    [
      'status',
      `${record.status}${record.reason_code === null ? '' : ` (${record.reason_code})`}, phase ${record.phase}`,
    ],
    ['held until', holdText(record)],
    ['task', record.task],
    ['current task', record.current_task === record.task ? null : record.current_task],
    ...verdictFields(record, facts),
    ['work', workText(record, facts.capture)],
    ['workspace', workspaceText(record)],
    ['workflow', record.runtime_profile_path],
    ['command', record.command],
    ['objective', record.objective_id],
    ['tracker item', record.tracker_item_id],
    ['labels', labelsOf(record)],
    ['created', record.created_at],
    ['ended', record.ended_at],
  ])
  const [first = '', status = '', ...rest] = head
  return [first, coloured(colours, colourOfStatus(record.status), status), ...rest, ...turnsText(record)]
}

/** The end of `run`. */
export function outcomeText(record: RegistryRecord, facts: SessionFacts, colours: boolean): string[] {
  const outcome = record.outcome ?? record.status
  const reason = record.reason_code === null ? '' : ` (${record.reason_code})`
  const lines = fields([
    ['session', record.session_id],
    ...verdictFields(record, facts),
    ['work', workText(record, facts.capture)],
    ['workspace', workspaceText(record)],
  ])
  return ['', coloured(colours, colourOfStatus(outcome), `${outcome}${reason}`), ...lines]
}

export function changedFilesText(capture: Capture): string[] {
  const shown = capture.files
    .slice(0, FILES_SHOWN_MAX)
    .map(({ path, change }) => `${change.padEnd(12)} ${oneLine(path)}`)
  const rest = capture.files.length - shown.length
  return rest > 0 ? [...shown, `and ${countWords(rest, 'more file')}`] : shown
}

/** What the executor said, what the checks found, and what the runtime has to add to it. */
function verdictFields(record: RegistryRecord, { stopChecks }: SessionFacts): [string, string | null][] {
  const answered = record.turns.findLast(({ response_status }) => response_status !== null)
  const claim =
    answered === undefined
      ? `nothing${record.outcome === null ? ' yet' : ''}`
      : `${answered.response_status} in turn ${answered.turn_number}: ${answered.summary}`
  const added = (text: string | null) => (text === answered?.summary ? null : text)
  return [
    ['claimed', claim],
    ['verified', verifiedText(record, stopChecks)],
    ['reason', record.result_summary === record.last_error ? null : added(record.result_summary)],
    ['error', added(record.last_error)],
  ]
}

function verifiedText({ verified, outcome }: RegistryRecord, stopChecks: readonly CheckResult[] | null): string {
  const detail = stopChecks === null ? '' : `: ${checkWords(stopChecks)}`
  if (verified === true) return `yes, the stop checks passed${detail}`
  if (verified === false) return `NO, stop checks failed${detail}`
  if (outcome === 'stopped' && stopChecks?.some(isCutOff)) return `no, ${unjudgedWords(stopChecks)}`
  return outcome === 'completed' ? 'no, the workflow has no stop checks' : `no${detail}`
}

function holdText({ session_id, phase, lifecycle }: RegistryRecord): string | null {
  if (phase !== 'blocked' || lifecycle.hold_until === null || lifecycle.stop_requested) return null
  return `${lifecycle.hold_until}; swarmtrail resume ${session_id} goes on with it`
}

function workText(record: RegistryRecord, capture: Capture | null): string | null {
  if (capture === null) return null
  if (capture.patch === null) return 'nothing changed'
  const id = record.session_id
  return `${countWords(capture.files.length, 'file')} changed: swarmtrail diff ${id}, swarmtrail apply ${id}`
}

function workspaceText(record: RegistryRecord): string | null {
  if (record.workspace_path === null) return null
  const error = record.cleanup_error === null ? '' : `: ${record.cleanup_error}`
  return `${record.workspace_path} (${record.workspace_cleanup_status ?? 'pending'}${error})`
}

function turnsText(record: RegistryRecord): string[] {
  return record.turns.flatMap((turn) => {
    const tools = turn.tool_calls.map(({ name, ok }) => `${name}${ok ? '' : ' (failed)'}`).join(', ')
    const exit = turn.exit_code === null ? '' : `, exit code ${turn.exit_code}`
    const took =
      turn.ended_at === null ? '' : ` after ${durationWords(Date.parse(turn.ended_at) - Date.parse(turn.started_at))}`
    return [
      '',
      `turn ${turn.turn_number}: ${turn.status}${took}${exit}`,
      ...fields([
        ['  answered', turn.response_status],
        ['  summary', turn.summary],
        ['  outcome', turn.outcome_reason],
        ['  tools', tools],
      ]),
    ]
  })
}

function labelsOf({ labels }: RegistryRecord): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}=${value}`)
    .join(',')
}
