import { countWords } from '../words/amounts.ts'
import { coloured } from '../adapters/cli/colours.ts'
import { EXIT } from '../adapters/cli/exit-status.ts'
import { oneLine } from '../adapters/cli/printable.ts'
import { CliError } from '../adapters/cli/report-error.ts'
import { isSessionId } from '../events/ids.ts'
import type { Sign, Summary } from '../runtime/verify-summary.ts'
import type { Verification } from '../runtime/verify-history.ts'
import type { VerifiedTrail } from '../runtime/verify.ts'
import type { Cli, DefineCommand } from './command.ts'
import { refuseNoParent } from './directories.ts'
import { progressOf } from './progress.ts'

type VerifyOptions = { file?: string; summary?: string; key?: string; against?: string; publicKey?: string }

export const define: DefineCommand = (command, cli) => {
  command
    .argument('[ids...]', 'only these sessions; default: all')
    .option('--file <path>', 'an export instead of the log; needs no server')
    .option('--summary <path>', 'write what to keep elsewhere: length and last hash of each trail')
    .option('--key <path>', 'sign the summary with this Ed25519 private key (PEM)')
    .option('--against <path>', 'compare with a summary: nothing in it may be gone, shorter or other')
    .option('--public-key <path>', 'the summary must be signed by this Ed25519 key (PEM)')
    .addHelpText(
      'after',
      `
Exits with 1 when anything is not as it was written, and names the first bad event of each session. Without
ids it also names the positions of the log that hold nothing any more: their events are lost. Messages that are no
events, and so no part of any history, are told on standard error. An export must be complete: one that is empty, was
cut off, or lacks artifacts that its events name is not sound. The directory that --summary writes to must exist.

Examples:
  swarmtrail verify S1
  swarmtrail verify --file trails.jsonl --json
  swarmtrail verify --summary heads.json --key auditor.pem
  swarmtrail verify --against heads.json --public-key auditor.pub`,
    )
    .action((ids: string[], options: VerifyOptions) => verify(cli, ids, options))
}

async function verify(cli: Cli, ids: readonly string[], options: VerifyOptions): Promise<void> {
  refuseHalfOptions(ids, options)
  if (options.summary !== undefined) await refuseNoParent('--summary', options.summary)
  const { terminal } = cli
  const sign = options.key === undefined ? undefined : await readKey(options.key)
  const against = options.against === undefined ? undefined : await readAgainst(cli, options.against, options.publicKey)
  const verification = await verified(cli, ids, options.file, against)
  if (!verification.ok) cli.exitWith(EXIT.failed)
  if (options.summary !== undefined) await writeSummary(cli, verification, options.summary, sign)
  tellParked(cli, verification)
  const { ok, sessions, lost } = verification
  if (terminal.json) return terminal.value({ ok, sessions, ...(lost.count > 0 && { lost }) })
  for (const session of sessions) await terminal.line(lineOf(session, terminal.colours))
  for (const gap of lost.first) await terminal.line(gapLine(gap, terminal.colours))
  const bad = sessions.filter((session) => !session.ok).length
  const found = [
    ...(bad > 0 ? [`${bad} NOT as written`] : []),
    ...(lost.count > 0 ? [`${countWords(lost.count, 'event')} of the log LOST`] : []),
  ]
  await terminal.line(`${countWords(sessions.length, 'session')}: ${found.join(', ') || 'all sound'}`)
}

function refuseHalfOptions(ids: readonly string[], { summary, key, against, publicKey }: VerifyOptions): void {
  if (key !== undefined && summary === undefined)
    throw new CliError('invalid_argument', '--key signs what --summary writes; give both')
  if (publicKey !== undefined && against === undefined)
    throw new CliError('invalid_argument', '--public-key checks what --against reads; give both')
  if (summary !== undefined && ids.length > 0)
    throw new CliError('invalid_argument', '--summary is of all sessions; give no ids')
}

async function readAgainst(cli: Cli, path: string, publicKey: string | undefined): Promise<Summary> {
  const [{ readText }, { signatureChecker }, { readSummary }] = await Promise.all([
    import('../adapters/files/write-file.ts'),
    import('../adapters/files/signature.ts'),
    import('../runtime/verify-summary.ts'),
  ])
  const text = await readText(path)
  if (publicKey === undefined) cli.terminal.note('the signature of the summary is not checked without --public-key')
  return readSummary(text, publicKey === undefined ? undefined : await signatureChecker(publicKey))
}

async function verified(
  cli: Cli,
  ids: readonly string[],
  file: string | undefined,
  against: Summary | undefined,
): Promise<Verification> {
  const { verifyExport, verifyLog } = await import('../history.ts')
  if (file !== undefined) {
    const found = await verifyExport(file, { against })
    const { artifacts_gone: gone } = found
    if (gone > 0)
      cli.terminal.note(`${countWords(gone, 'artifact')} could not be exported: gone from the store, or corrupt there`)
    return only(ids, file, found)
  }
  const progress = progressOf(cli.terminal, 'verifying')
  const sessionIds = ids.length === 0 ? undefined : ids
  const verification = await verifyLog(await cli.swarm(), { sessionIds, against, onProgress: progress.tell })
  progress.end()
  return verification
}

function only(ids: readonly string[], file: string, verification: Verification): Verification {
  if (ids.length === 0) return verification
  const sessions = ids.map((id) => verification.sessions.find(({ session_id }) => session_id === id) ?? notIn(file, id))
  return { ...verification, ok: sessions.every(({ ok }) => ok), sessions }
}

function notIn(file: string, id: string): never {
  throw new CliError('session_not_found', `no session ${JSON.stringify(id)} in ${file}`, { session_id: id })
}

async function readKey(path: string): Promise<Sign> {
  const { signer } = await import('../adapters/files/signature.ts')
  return signer(path)
}

async function writeSummary({ terminal }: Cli, verification: Verification, path: string, sign: Sign | undefined) {
  if (!verification.ok) return terminal.note(`${path} is not written: what is not sound is not worth keeping`)
  const [{ writeText }, { summaryOf }, { systemClock }, { toTimestamp }] = await Promise.all([
    import('../adapters/files/write-file.ts'),
    import('../runtime/verify-summary.ts'),
    import('../adapters/system/clock.ts'),
    import('../events/timestamp.ts'),
  ])
  const summary = summaryOf(verification, toTimestamp(systemClock().now()), sign)
  await writeText(path, JSON.stringify(summary, null, 2))
  const signed = sign === undefined ? 'not signed, see --key' : 'signed'
  terminal.note(`${countWords(summary.sessions.length, 'session')} summed up in ${path}, ${signed}`)
}

function tellParked({ terminal }: Cli, { parked }: Verification): void {
  for (const { session_id, position, code, reason } of parked.first)
    terminal.note(oneLine(`parked: position ${position} ${whereOf(session_id)}: ${code}: ${reason}`))
  const more = parked.count - parked.first.length
  if (more > 0) terminal.note(`parked: ${more} more`)
}

function gapLine({ from, to }: { from: number; to: number }, colours: boolean): string {
  const where = from === to ? `position ${from}` : `positions ${from} to ${to}`
  return `${coloured(colours, 'red', 'LOST')} ${where}: nothing is there any more`
}

function whereOf(place: string): string {
  return isSessionId(place) ? `among the events of ${place}` : `on ${place}`
}

function lineOf({ session_id, events, ok, bad }: VerifiedTrail, colours: boolean): string {
  const verdict = coloured(colours, ok ? 'green' : 'red', ok ? 'ok ' : 'BAD')
  const what =
    bad === null ? countWords(events, 'event') : `event ${bad.id || '(no id)'} at ${bad.position}: ${bad.reason}`
  return `${verdict} ${oneLine(`${session_id} ${what}`)}`
}
