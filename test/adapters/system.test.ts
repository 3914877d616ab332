import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { getEventListeners, once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { systemHost } from '../../src/adapters/shell/host.ts'
import { identify } from '../../src/adapters/shell/process-identity.ts'
import { systemClock } from '../../src/adapters/system/clock.ts'
import { uuidv7Ids } from '../../src/adapters/system/ids.ts'
import { jsonLogger } from '../../src/adapters/system/json-logger.ts'
import { silentLogger } from '../../src/adapters/system/silent-logger.ts'
import { sha256 } from '../../src/adapters/system/sha256.ts'
import { SwarmError } from '../../src/runtime/errors.ts'

describe('systemClock', () => {
  const clock = systemClock()

  it('tells wall-clock and monotonic time', () => {
    expect(Math.abs(clock.now() - Date.now())).toBeLessThan(1_000)
    const earlier = clock.monotonic()
    expect(clock.monotonic()).toBeGreaterThanOrEqual(earlier)
  })

  it('never sleeps less than asked for', async () => {
    for (const ms of [0, 0.5, 3, 10.2]) {
      const begun = clock.monotonic()
      await clock.sleep(ms)
      expect(clock.monotonic() - begun).toBeGreaterThanOrEqual(ms)
    }
    await clock.sleep(-1)
  })

  it('wakes up when the signal aborts, from sleeps longer than a timer can be too', async () => {
    for (const ms of [60_000, 2 ** 31, 2 ** 40, Number.POSITIVE_INFINITY]) {
      const abort = new AbortController()
      let isAwake = false
      const sleeping = clock.sleep(ms, abort.signal).then(() => (isAwake = true))
      // A timer set for too long would fire after a millisecond.
      await clock.sleep(5)
      expect(isAwake).toBe(false)
      abort.abort()
      expect(await sleeping).toBe(true)
    }
  })

  it('does not sleep when the signal has aborted, and leaves no listener behind', async () => {
    await clock.sleep(60_000, AbortSignal.abort())
    const { signal } = new AbortController()
    await clock.sleep(1, signal)
    expect(getEventListeners(signal, 'abort')).toEqual([])
  })
})

describe('uuidv7Ids', () => {
  it('makes ids that sort in their order', () => {
    const ids = uuidv7Ids()
    const made = Array.from({ length: 10_000 }, () => ids.next())
    expect(made[0]).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/)
    expect(new Set(made).size).toBe(made.length)
    expect(made.toSorted((a, b) => (a < b ? -1 : 1))).toEqual(made)
  })
})

describe('sha256', () => {
  it('hashes the UTF-8 bytes of a text', () => {
    for (const text of ['', 'abc', 'ünï €', 'x'.repeat(100_000)]) {
      expect(sha256(text)).toBe(createHash('sha256').update(text, 'utf8').digest('hex'))
    }
  })
})

describe('systemHost', () => {
  const host = systemHost()

  it('knows itself', () => {
    expect(host).toMatchObject({ pid: process.pid, cores: expect.any(Number), name: expect.stringMatching(/./) })
    expect(host.environment['PATH']).toBe(process.env['PATH'])
    expect(host.alive(host.pid, host.processStartedAt)).toBe(true)
  })

  it('knows whether a process lives, by pid and start', async () => {
    const child = spawn('sleep', ['60'], { stdio: 'ignore' })
    const pid = child.pid ?? 0
    const startedAt = `${host.processStartedAt.split('|')[0]}|${identify(pid)?.startedAt}`
    expect(host.alive(pid, startedAt)).toBe(true)
    expect(host.alive(pid, `${startedAt}0`)).toBe(false)
    child.kill('SIGKILL')
    await once(child, 'exit')
    expect(host.alive(pid, startedAt)).toBe(false)
  })

  it('takes no pid that is none', () => {
    const started = host.processStartedAt
    expect([0, -1, 1.5, Number.NaN].map((pid) => host.alive(pid, started))).toEqual([false, false, false, false])
  })

  it('calls nothing dead that it could not see: another pid namespace, another boot', () => {
    const [namespace, started = ''] = host.processStartedAt.split('|')
    expect(host.alive(host.pid, `pid:[1]|${started}x`)).toBe(true)
    expect(host.alive(host.pid, `${namespace}|${started.replace(/^./, 'z')}`)).toBe(true)
  })
})

describe('jsonLogger', () => {
  function capture(level: 'info' | 'warn' | 'silent') {
    const lines: Record<string, unknown>[] = []
    const write = (line: string) => void lines.push(JSON.parse(line) as Record<string, unknown>)
    return { lines, logger: jsonLogger({ level, destination: { write } }) }
  }

  it('writes one object per message, with level, time and fields', () => {
    const { lines, logger } = capture('info')
    logger.info('claimed', { session: 's1' })
    logger.error('broken\nline')
    expect(lines).toEqual([
      { level: 'info', time: expect.stringMatching(/^\d{4}-.*Z$/), session: 's1', msg: 'claimed' },
      { level: 'error', time: expect.any(String), msg: 'broken\nline' },
    ])
  })

  it('leaves out what is below its level', () => {
    const { lines, logger } = capture('warn')
    logger.info('a')
    logger.warn('b')
    expect(lines.map(({ msg }) => msg)).toEqual(['b'])
    const silent = capture('silent')
    silent.logger.error('c')
    silentLogger().error('d')
    expect(silent.lines).toEqual([])
  })

  it('writes errors with their code and cause', () => {
    const { lines, logger } = capture('info')
    const cause = new Error('socket closed')
    logger.error('append failed', { error: new SwarmError('log_unreachable', 'no answer', { cause }) })
    expect(lines[0]).toMatchObject({
      error: { message: 'no answer', code: 'log_unreachable', cause: { message: 'socket closed' } },
    })
  })

  it('writes text under error as it is', () => {
    const { lines, logger } = capture('info')
    logger.warn('odd', { error: 'just text' })
    expect(lines[0]).toMatchObject({ error: 'just text' })
  })
})
