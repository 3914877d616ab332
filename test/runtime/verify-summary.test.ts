/** A summary kept elsewhere shows tampering with the whole store, which no chain alone can. */
import { createPublicKey, generateKeyPairSync, verify } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { signatureChecker, signer } from '../../src/adapters/files/signature.ts'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import { verifyFile } from '../../src/runtime/verify-file.ts'
import { verifyLog } from '../../src/runtime/verify-history.ts'
import { readSummary, recordedHeads, summaryOf } from '../../src/runtime/verify-summary.ts'
import { sha256, trailOf } from '../support/events.ts'
import { inputOf } from '../support/facts.ts'
import { finish, tell } from '../support/histories.ts'
import { appendInterleaved, codec, eventsAs, exported, fileOf, memoryPorts } from '../support/told-log.ts'

const history = finish(tell({ front: {}, input: inputOf() }, []))
const other = finish(tell({ front: { hooks: { before_run: 'x' } }, input: inputOf() }, [0, 0, 0, 3]))
const MADE_AT = '2026-01-02T00:00:00.000Z'

let directory: string
const keys: Record<'mine' | 'theirs', { privateKey: string; publicKey: string }> = {
  mine: { privateKey: '', publicKey: '' },
  theirs: { privateKey: '', publicKey: '' },
}
beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'summary-'))
  for (const name of ['mine', 'theirs'] as const) {
    const { privateKey, publicKey } = generateKeyPairSync('ed25519')
    keys[name] = { privateKey: join(directory, `${name}.key`), publicKey: join(directory, `${name}.pub`) }
    await writeFile(keys[name].privateKey, privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await writeFile(keys[name].publicKey, publicKey.export({ type: 'spki', format: 'pem' }))
  }
})
afterAll(() => rm(directory, { recursive: true }))

async function logOf(...trails: SwarmEvent[][]) {
  const ports = memoryPorts()
  await appendInterleaved(ports.log, trails)
  return ports
}

async function summaryText(...trails: SwarmEvent[][]): Promise<string> {
  const sign = await signer(keys.mine.privateKey)
  return JSON.stringify(summaryOf(await verifyLog(await logOf(...trails)), MADE_AT, sign), null, 2)
}

describe('a summary', () => {
  it('holds against the same log, and against one that has grown', async () => {
    const events = eventsAs('S1', history)
    const recorded = recordedHeads(readSummary(await summaryText(events.slice(0, 3))))
    for (const trails of [[events.slice(0, 3)], [events], [events, eventsAs('S2', history)]]) {
      expect(await verifyLog(await logOf(...trails), { recorded })).toMatchObject({ ok: true })
    }
  })

  it('shows a session that was shortened, rewritten or taken away', async () => {
    const [one, two] = [eventsAs('S1', history), eventsAs('S2', history)]
    const recorded = recordedHeads(readSummary(await summaryText(one, two)))
    const badIn = async (...trails: SwarmEvent[][]) => {
      const { ok, sessions } = await verifyLog(await logOf(...trails), { recorded })
      expect(ok).toBe(false)
      return sessions.flatMap(({ session_id, bad }) => (bad === null ? [] : [[session_id, bad.id, bad.reason]]))
    }
    const cut = one.slice(0, -2)
    const about = expect.stringMatching(/^summary: /)
    expect(await badIn(cut, two)).toEqual([['S1', cut.at(-1)?.id, about]])
    expect(await badIn(one)).toEqual([['S2', '', about]])
    expect(await badIn(eventsAs('S1', other), two)).toEqual([['S1', expect.any(String), about]])
  })

  it('is read offline against an export too', async () => {
    const events = eventsAs('S1', history)
    const recorded = recordedHeads(readSummary(await summaryText(events)))
    const lines = await exported(await logOf(events))
    expect(await verifyFile(fileOf(lines), { sha256, codec, recorded })).toMatchObject({ ok: true })
    expect(await verifyFile(fileOf(lines.slice(0, -1)), { sha256, codec, recorded })).toMatchObject({ ok: false })
  })

  it('is not made of a history that is not sound', async () => {
    const ports = memoryPorts()
    await ports.log.append({ ...trailOf('S1').next(), source: 'forged' }, 0)
    const verified = await verifyLog(ports)
    expect(() => summaryOf(verified, MADE_AT)).toThrow(expect.objectContaining({ code: 'history_corrupt' }))
  })
})

describe('a signature', () => {
  it('holds for its key and its text, and for no other', async () => {
    const text = await summaryText(eventsAs('S1', history))
    const mine = await signatureChecker(keys.mine.publicKey)
    const theirs = await signatureChecker(keys.theirs.publicKey)
    expect(readSummary(text, mine).sessions).toHaveLength(1)
    expect(readSummary(JSON.stringify(JSON.parse(text)), mine).sessions).toHaveLength(1)
    const corrupt = expect.objectContaining({ code: 'history_corrupt' })
    expect(() => readSummary(text, theirs)).toThrow(corrupt)
    expect(() => readSummary(text.replace(/"events": \d+/, '"events": 1'), mine)).toThrow(corrupt)
    const unsigned = JSON.stringify(summaryOf(await verifyLog(await logOf(eventsAs('S1', history))), MADE_AT))
    expect(() => readSummary(unsigned, mine)).toThrow(corrupt)
    for (const garbage of ['', '[]', '{"format":"x"}']) expect(() => readSummary(garbage)).toThrow(corrupt)
  })

  it('is over the sorted JSON without it, so that other tools can check it', async () => {
    const summary = JSON.parse(await summaryText(eventsAs('S1', history))) as { signature: { value: string } }
    const { signature, ...open } = summary
    const key = createPublicKey(await readFile(keys.mine.publicKey))
    expect(verify(null, Buffer.from(sortedJson(open)), key, Buffer.from(signature.value, 'base64'))).toBe(true)
  })

  it('needs an Ed25519 key in PEM form', async () => {
    const path = join(directory, 'none.pem')
    await writeFile(path, 'garbage')
    const invalid = { code: 'invalid_argument' }
    await expect(signer(path)).rejects.toMatchObject(invalid)
    await expect(signer(join(directory, 'missing.pem'))).rejects.toMatchObject(invalid)
    const { privateKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
    await writeFile(path, privateKey.export({ type: 'pkcs8', format: 'pem' }))
    await expect(signer(path)).rejects.toMatchObject(invalid)
  })
})

/** What `jq -cSj` prints: sorted keys, no space. */
function sortedJson(value: unknown): string {
  if (Array.isArray(value)) return `[${value.map(sortedJson).join(',')}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  const entries = Object.entries(value).toSorted(([a], [b]) => (a < b ? -1 : 1))
  return `{${entries.map(([key, inner]) => `${JSON.stringify(key)}:${sortedJson(inner)}`).join(',')}}`
}
