/**
 * Composition root of auditors: what can be done with recorded histories by whoever may read them. The command line's
 * `verify`, `export`, `import`, `rebuild`, `audit` and `backtest` are these functions.
 */
import { artifactCodec } from './adapters/files/artifact-codec.ts'
import { readLines } from './adapters/files/read-lines.ts'
import { auditPage as pageOf } from './adapters/html/audit-page.ts'
import { systemClock } from './adapters/system/clock.ts'
import { sha256 } from './adapters/system/sha256.ts'
import type { ConnectedSwarm } from './connect.ts'
import type { Position, SessionId } from './events/ids.ts'
import type { ArtifactRef } from './events/parts.ts'
import { toTimestamp } from './events/timestamp.ts'
import type { ViewName } from './projections/names.ts'
import { readAudit as auditOf, readTexts, type Audit } from './runtime/audit.ts'
import { backtest as judge, type Backtest } from './runtime/backtest/backtest.ts'
import * as kinds from './runtime/arguments.ts'
import { check, checkOptions, checkView } from './runtime/arguments.ts'
import type { ClientPorts, LogParked, Workflow } from './runtime/ports.ts'
import { rebuildView as rebuild, type Rebuilt } from './runtime/rebuild.ts'
import { exportTrails as linesOf } from './runtime/transfer/export-trails.ts'
import { importTrails as importLines, type Imported } from './runtime/transfer/import-trails.ts'
import { verifyFile, type FileVerification } from './runtime/verify-file.ts'
import * as histories from './runtime/verify-history.ts'
import { recordedHeads, type Summary } from './runtime/verify-summary.ts'

/** How far a long reading has come, and how far it goes; told every few thousand events. */
type Told = { onProgress?: ((done: number, of: number) => void) | undefined }
/** A summary made earlier by `summaryOf` and kept elsewhere: nothing in it may be gone, shorter or other. */
type Against = { against?: Summary | undefined }
type HasPorts = Pick<ConnectedSwarm, 'ports'>

function portsOf(swarm: HasPorts): ClientPorts {
  check('swarm', swarm, kinds.connected)
  return swarm.ports
}

/**
 * Recomputes hash chains and checks order, schema and legality of every session, or of some. What is not as it was
 * written is in the result (`ok: false`, with the first bad event of each session, and with what the whole log has lost),
 * not thrown. Throws `session_not_found`, `log_unreachable`.
 */
export async function verifyLog(
  swarm: HasPorts,
  options: Told & Against & { sessionIds?: readonly SessionId[] | undefined } = {},
): Promise<histories.Verification> {
  const ports = portsOf(swarm)
  checkOptions(options, {
    sessionIds: kinds.listOf(kinds.sessionId),
    against: kinds.summary,
    onProgress: kinds.callback,
  })
  const { sessionIds, against, onProgress } = options
  const recorded = against === undefined ? undefined : recordedHeads(against)
  if (sessionIds !== undefined) return histories.verifySessions(ports, sessionIds, { recorded })
  return histories.verifyLog(ports, { recorded, onProgress })
}

/**
 * The same of an export, with no server. Throws `invalid_argument` for a file that can't be read, `history_corrupt` for
 * one that was cut off and for a line that can't be told to belong to any session.
 */
export async function verifyExport(path: string, options: Against = {}): Promise<FileVerification> {
  check('path', path, kinds.text)
  checkOptions(options, { against: kinds.summary })
  const { against } = options
  const recorded = against === undefined ? undefined : recordedHeads(against)
  return verifyFile(readLines(path), { sha256, codec: artifactCodec, recorded })
}

/** What an export holds. */
export type ExportOptions = {
  /** Only these; default: all. */
  sessionIds?: readonly SessionId[] | undefined
  /** After the events, everything that they name: prompts, outputs, patches. */
  artifacts?: boolean | undefined
  /**
   * A first line that says what it is and a last one that counts, by which a reader sees that nothing was cut off; for
   * what is to be kept. Default: with artifacts. Without it there is nothing but events.
   */
  framed?: boolean | undefined
  /** Told of messages that are no events and so are left out. */
  onParked?: ((parked: LogParked) => void) | undefined
  /**
   * Told of artifacts that events name and the store does not hold, or holds corrupt, and of why; the export says in
   * their place that they are gone.
   */
  onGone?: ((ref: ArtifactRef, why: string) => void) | undefined
}

/**
 * Trails as lines of JSON in log order, without their ends: one event each, as stored, with its position added. Throws
 * `session_not_found`, `log_unreachable`.
 */
export async function* exportTrails(swarm: HasPorts, options: ExportOptions = {}): AsyncGenerator<string> {
  const ports = portsOf(swarm)
  checkOptions(options, {
    sessionIds: kinds.listOf(kinds.sessionId),
    artifacts: kinds.flag,
    framed: kinds.flag,
    onParked: kinds.callback,
    onGone: kinds.callback,
  })
  const { artifacts = false, ...rest } = options
  yield* linesOf(ports, { ...rest, artifacts: artifacts ? artifactCodec : undefined })
}

/**
 * Brings the file of an export into an empty namespace: the same events in the same order, with the same hashes. Throws
 * `import_refused` with nothing written when the namespace is not empty or not every line is sound, `log_unreachable`.
 */
export async function importTrails(swarm: HasPorts, path: string, options: Told = {}): Promise<Imported> {
  const ports = portsOf(swarm)
  check('path', path, kinds.text)
  checkOptions(options, { onProgress: kinds.callback })
  return importLines(ports, { open: () => readLines(path), codec: artifactCodec, onProgress: options.onProgress })
}

/**
 * Folds a view from zero, says what differs from what is stored, and puts that right; readers see whole views all the
 * time. Throws `unknown_view`, `log_unreachable`.
 */
export async function rebuildView(swarm: HasPorts, view: ViewName, options: Told = {}): Promise<Rebuilt> {
  const ports = portsOf(swarm)
  checkView(view)
  checkOptions(options, { onProgress: kinds.callback })
  return rebuild(ports, view, options.onProgress)
}

/**
 * The whole story of a session: what was claimed, verified and changed, the machine's path, the record itself and
 * whether it is sound. Throws `session_not_found`, `log_unreachable`.
 */
export async function readAudit(swarm: HasPorts, sessionId: SessionId): Promise<Audit> {
  const ports = portsOf(swarm)
  check('session_id', sessionId, kinds.sessionId)
  return auditOf(ports, sessionId)
}

/** An audit as one HTML page that needs nothing else, with prompts, outputs and patch in it. Throws `log_unreachable`. */
export async function auditPage(swarm: HasPorts, audit: Audit): Promise<string> {
  const ports = portsOf(swarm)
  check('audit', audit, kinds.object)
  const events = audit.record.map(({ event }) => event)
  return pageOf(audit, await readTexts(ports, events), toTimestamp(systemClock().now()))
}

/**
 * How recorded sessions would have ended under another workflow file's limits and stop checks; `after` leaves out those
 * asked for up to a position. Throws the `workflow_*` errors, `log_unreachable`.
 */
export async function backtest(
  swarm: HasPorts,
  options: { workflow: string; after?: Position | undefined },
): Promise<Backtest & { workflow: Workflow }> {
  const ports = portsOf(swarm)
  checkOptions(options, { after: kinds.position })
  check('workflow', options.workflow, kinds.text)
  const { workflow: workflowPath, after } = options
  // Loaded by who needs it: YAML and templates are the larger part of all that is behind this file.
  const { fileWorkflows } = await import('./adapters/workflow/file-workflows.ts')
  const workflow = await fileWorkflows({ workflowPath, sourceDir: process.cwd() }).load()
  return { workflow, ...(await judge(ports.log, workflow.config, { after })) }
}
