/**
 * Brings an export into an empty namespace: the same events, in the same order, with the same hashes, at positions of
 * the new log. The whole file is proved first; nothing is written unless all of it is sound.
 */
import type { Position, SessionId } from '../../events/ids.ts'
import type { Sha256 } from '../../events/hash-chain.ts'
import { isSwarmError, messageOf, SwarmError } from '../errors.ts'
import type { ClientPorts } from '../ports.ts'
import { readLine, type FileEntry, type FileLine } from './trail-file.ts'
import { contentOf, verifyFile, type ArtifactCodec } from '../verify-file.ts'
import type { OnProgress } from '../verify-history.ts'

export type ImportOptions = {
  /** The file from its start, each time it is called. */
  open: () => AsyncIterable<FileLine>
  codec: ArtifactCodec
  onProgress?: OnProgress | undefined
}
/** What was brought in, and the position of its last event in the new log. */
export type Imported = { sessions: number; events: number; artifacts: number; position: Position }

type Ports = Pick<ClientPorts, 'log' | 'artifacts' | 'clock' | 'sha256'>

const PROGRESS_EVENTS = 1_000
const APPEND_ATTEMPTS_MAX = 10
const APPEND_RETRY_WAIT_MS = 500

/**
 * Throws `import_refused` with nothing written when the namespace is not empty or the file is not sound in every line.
 * When somebody else writes there meanwhile, or the log can't be reached for long (`log_unreachable`), the namespace
 * holds the first part of the file.
 */
export async function importTrails(ports: Ports, options: ImportOptions): Promise<Imported> {
  const checked = await check(ports.sha256, options)
  await requireEmpty(ports)
  // Nobody shall see an event whose artifacts are not there.
  if (checked.artifacts > 0) await putArtifacts(ports, options)
  const position = await appendAll(ports, options, checked.events)
  return { ...checked, position }
}

async function putArtifacts(ports: Ports, options: ImportOptions): Promise<void> {
  for await (const entry of entriesOf(options, 'artifact')) {
    const { line, artifact } = entry
    if (!('gone' in artifact)) await ports.artifacts.put(contentOf(line, artifact, options.codec))
  }
}

async function requireEmpty({ log }: Ports): Promise<void> {
  const head = await log.head()
  if (head === 0) return
  throw refuse(`the namespace holds events already (up to position ${head}); import into an empty one, see --namespace`)
}

async function check(sha256: Sha256, { open, codec }: ImportOptions): Promise<Omit<Imported, 'position'>> {
  const verified = await proved(sha256, open, codec)
  const broken = verified.sessions.find(({ ok }) => !ok)
  if (broken?.bad) {
    const { position, id, reason } = broken.bad
    throw refuse(`session ${broken.session_id}: event ${id || '(no id)'} at ${position}: ${reason}`, {
      bad: broken.bad,
    })
  }
  if (verified.events === 0) throw refuse('the file holds no events')
  return { sessions: verified.sessions.length, events: verified.events, artifacts: verified.artifacts }
}

async function proved(sha256: Sha256, open: ImportOptions['open'], codec: ArtifactCodec) {
  try {
    return await verifyFile(open(), { sha256, codec })
  } catch (error) {
    if (!isSwarmError(error, 'history_corrupt')) throw error
    throw refuse(messageOf(error), error.details)
  }
}

async function appendAll(ports: Ports, options: ImportOptions, count: number): Promise<Position> {
  const versions = new Map<SessionId, Position>()
  let appended = 0
  let position = 0
  for await (const entry of entriesOf(options, 'event')) {
    position = await appendSurely(ports, entry, versions.get(entry.sessionId) ?? 0)
    versions.set(entry.sessionId, position)
    appended += 1
    if (appended % PROGRESS_EVENTS === 0) options.onProgress?.(appended, count)
  }
  return position
}

type EventEntry = Extract<FileEntry, { kind: 'event' }>

/** The event exactly as it stands in the file, whatever a newer schema makes of it. */
async function appendSurely({ log, clock }: Ports, { stored }: EventEntry, expected: Position): Promise<Position> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await log.append(stored, expected)
    } catch (error) {
      if (isSwarmError(error, 'wrong_expected_version')) {
        const message = `the import ended half way: somebody else writes to session ${stored.subject}: ${error.message}`
        throw new SwarmError('import_refused', message, { details: error.details })
      }
      if (!isSwarmError(error) || !error.retryable || attempt === APPEND_ATTEMPTS_MAX) throw error
      await clock.sleep(APPEND_RETRY_WAIT_MS)
    }
  }
}

async function* entriesOf<Kind extends FileEntry['kind']>(
  { open }: ImportOptions,
  kind: Kind,
): AsyncGenerator<Extract<FileEntry, { kind: Kind }>> {
  for await (const line of open()) {
    const entry = readLine(line)
    if (entry.kind === kind) yield entry as Extract<FileEntry, { kind: Kind }>
  }
}

function refuse(reason: string, details: Record<string, unknown> = {}): SwarmError {
  return new SwarmError('import_refused', `nothing was imported: ${reason}`, { details })
}
