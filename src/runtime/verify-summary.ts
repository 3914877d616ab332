/**
 * What to keep of a log elsewhere, so that tampering with the whole store shows too: each trail's length and last hash,
 * signed where a key is given. A trail may have grown since; it may not be shorter, other or gone.
 */
import { z } from 'zod'
import { canonicalJson } from '../events/canonical-json.ts'
import { describe } from '../events/catalog.ts'
import { sessionIdSchema } from '../events/parts.ts'
import { messageOf, SwarmError } from './errors.ts'
import type { Verification, RecordedHeads } from './verify-history.ts'

/** Ed25519 over UTF-8 text; signatures in base64. Comes from outside, as the core does no cryptography itself. */
export type Sign = (text: string) => string
export type CheckSignature = (text: string, signature: string) => boolean

const sessionSchema = z.strictObject({
  session_id: sessionIdSchema,
  events: z.int().min(1),
  head_hash: z.string().regex(/^[0-9a-f]{64}$/),
})
const summarySchema = z.strictObject({
  format: z.literal('swarmtrail-summary@1'),
  made_at: z.string().describe('RFC 3339 UTC with milliseconds'),
  sessions: z.array(sessionSchema).describe('by session id'),
  signature: z
    .strictObject({ algorithm: z.literal('Ed25519'), value: z.string().describe('base64') })
    .nullable()
    .describe('over the RFC 8785 form of this object without `signature`'),
})
/** What is kept of a log elsewhere. As JSON it is what `readSummary` reads. */
export type Summary = z.output<typeof summarySchema>

/** Throws `history_corrupt` when what was verified is not sound: such a state is not worth keeping. */
export function summaryOf(verification: Verification, made_at: string, sign?: Sign): Summary {
  if (!verification.ok) throw new SwarmError('history_corrupt', 'no summary of a history that is not sound')
  const sessions = verification.sessions
    .map(({ session_id, events, head_hash }) => ({ session_id, events, head_hash }))
    .toSorted((a, b) => (a.session_id < b.session_id ? -1 : 1))
  const open = { format: 'swarmtrail-summary@1' as const, made_at, sessions }
  const signature = sign === undefined ? null : { algorithm: 'Ed25519' as const, value: sign(signedText(open)) }
  return { ...open, signature }
}

/** Throws `history_corrupt` for what is no summary, and unless the signature is the key's where one is given. */
export function readSummary(text: string, check?: CheckSignature): Summary {
  const summary = parse(text)
  if (check === undefined) return summary
  if (summary.signature === null) throw refuse('it is not signed')
  if (!check(signedText(summary), summary.signature.value))
    throw refuse('its signature is not by this key, or it was changed')
  return summary
}

export function recordedHeads({ sessions }: Summary): RecordedHeads {
  return new Map(sessions.map(({ session_id, ...head }) => [session_id, head]))
}

function signedText({ signature: _signature, ...open }: Omit<Summary, 'signature'> & { signature?: unknown }): string {
  return canonicalJson(open)
}

function parse(text: string): Summary {
  let raw: unknown
  try {
    raw = JSON.parse(text)
  } catch (error) {
    throw refuse(messageOf(error))
  }
  const parsed = summarySchema.safeParse(raw)
  if (!parsed.success) throw refuse(describe(parsed.error.issues))
  return parsed.data
}

function refuse(reason: string): SwarmError {
  return new SwarmError('history_corrupt', `the summary can't be used: ${reason}`)
}
