/** Verifies an export, with no server: every line must be a sound event of its trail, in log order, or an artifact. */
import type { Sha256 } from '../events/hash-chain.ts'
import type { Position } from '../events/ids.ts'
import type { LogEvent, LogParked } from './ports.ts'
import { artifactAccount, type ArtifactAccount } from './transfer/artifact-account.ts'
import { fileLayout } from './transfer/file-layout.ts'
import { corrupt, readLine, type FileContent, type FileLine } from './transfer/trail-file.ts'
import { HistoryVerifier, type RecordedHeads, type Verification } from './verify-history.ts'

/** Bytes of artifacts in a file; comes from outside, as the core does no cryptography itself. */
export type ArtifactCodec = {
  encode(bytes: Uint8Array): string
  decode(base64: string): Uint8Array
  /** Lower-case hex SHA-256. */
  digest(bytes: Uint8Array): string
}
export type VerifyFileOptions = { sha256: Sha256; codec: ArtifactCodec; recorded?: RecordedHeads | undefined }
/** What was found in an export, and how much it holds. `artifacts_gone`: not to be had any more when it was made. */
export type FileVerification = Verification & { events: number; artifacts: number; artifacts_gone: number }

/**
 * Throws `history_corrupt` for a file that was cut off, and, naming the line, for what can't be told to belong to any
 * session: garbage, or an artifact that no event names. An event whose artifact is missing is a bad one.
 */
export async function verifyFile(
  lines: AsyncIterable<FileLine>,
  { sha256, codec, recorded }: VerifyFileOptions,
): Promise<FileVerification> {
  const verifier = new HistoryVerifier({ sha256, recorded, strict: true })
  const layout = fileLayout()
  const account = artifactAccount()
  let last: Position = 0
  let gone = 0
  for await (const line of lines) {
    const entry = readLine(line)
    layout.take(entry)
    if (entry.kind === 'artifact') {
      if ('gone' in entry.artifact) gone += 1
      else contentOf(entry.line, entry.artifact, codec)
      account.carry(entry.line, entry.artifact.sha256)
    }
    if (entry.kind !== 'event') continue
    const item = inOrder(entry.item, last)
    verifier.take(entry.sessionId, item)
    if (item.kind === 'event') account.name(item)
    last = Math.max(last, item.position)
  }
  const counts = layout.finish()
  const found = verifier.result()
  // What a bad event names can't be known.
  if (found.ok) account.refuseForeign()
  const counted = { events: counts.events, artifacts: counts.artifacts - gone, artifacts_gone: gone }
  return { ...(layout.carriesArtifacts ? withMissing(found, account) : found), ...counted }
}

function withMissing(found: Verification, account: ArtifactAccount): Verification {
  const missing = account.missing()
  const sessions = found.sessions.map((session) => {
    const bad = session.bad ?? missing.get(session.session_id) ?? null
    return { ...session, ok: bad === null, bad }
  })
  return { ...found, ok: sessions.every(({ ok }) => ok), sessions }
}

/** The bytes of an artifact; throws `history_corrupt` when they are not what their digest says. */
export function contentOf(line: number, artifact: FileContent, codec: ArtifactCodec): Uint8Array {
  const content = codec.decode(artifact.base64)
  if (content.length !== artifact.bytes || codec.digest(content) !== artifact.sha256) {
    throw corrupt(line, `the artifact ${artifact.sha256} is not what its digest says`)
  }
  return content
}

/** The order of all sessions' events is the log's, which some views depend on. */
function inOrder(item: LogEvent | LogParked, last: Position): LogEvent | LogParked {
  if (item.kind === 'parked' || item.position > last) return item
  const reason = `position ${item.position} does not come after ${last}`
  return { kind: 'parked', position: item.position, subject: '', code: 'order', reason, body: item.body }
}
