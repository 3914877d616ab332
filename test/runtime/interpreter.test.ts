/** The loop of one session, on a log in memory and virtual time, with effects that answer as they are told. */
import { describe, expect, it } from 'vitest'
import { memoryEventLog } from '../../src/adapters/memory/event-log.ts'
import { silentLogger } from '../../src/adapters/system/silent-logger.ts'
import type { SwarmEvent } from '../../src/events/envelope.ts'
import type { CommandBody } from '../../src/machines/commands.ts'
import { decide, stateName } from '../../src/machines/decider.ts'
import type { IntentType } from '../../src/machines/intents.ts'
import type { Perform } from '../../src/runtime/effect-scope.ts'
import { SwarmError } from '../../src/runtime/errors.ts'
import { Interpreter, type InterpreterEnd } from '../../src/runtime/interpreter.ts'
import type { EventLog } from '../../src/runtime/ports.ts'
import { loadTrail, nextEvent } from '../../src/runtime/trail.ts'
import { randomOf } from '../simulation/random.ts'
import { Scheduler } from '../simulation/scheduler.ts'
import { answersOf } from '../support/answers.ts'
import { sha256 } from '../support/events.ts'
import { inputOf, type Front } from '../support/facts.ts'

const STEPS_MAX = 10_000
const unreachable = () => new SwarmError('log_unreachable', 'down', { retryable: true })

/** A session S1 that was started and is claimed by runner r1. */
async function claimed(
  options: { front?: Front; perform?: (good: Perform) => Perform; log?: (log: EventLog) => EventLog } = {},
) {
  const { front = {} } = options
  const scheduler = new Scheduler(randomOf(1))
  const clock = scheduler.clockOf(null)
  const memory = memoryEventLog(sha256)
  const begun: IntentType[] = []
  let ids = 0
  const authorOf = (source: string) => ({ ids: { next: () => `${source}-${++ids}` }, sha256, source })
  /** Somebody else's append to the trail. */
  const append = async (body: CommandBody, source = 'client/c1'): Promise<SwarmEvent> => {
    const { state } = await loadTrail(memory, 'S1')
    const decision = decide(state, { ...body, at: clock.now() })
    if (!decision.ok) throw new Error(decision.message)
    const event = nextEvent(state, decision.fact, 'S1', authorOf(source), { at: clock.now() })
    await memory.append(event, state.version)
    return event
  }
  await append({ type: 'START', input: inputOf() })
  const good: Perform = async (intent, { state }) => {
    begun.push(intent.type)
    await clock.sleep(10)
    return answersOf(intent, state(), front)[0] ?? null
  }
  const { state } = await loadTrail(memory, 'S1')
  const log = options.log?.(memory) ?? memory
  const perform = options.perform?.(good) ?? good
  const interpreter = new Interpreter({
    sessionId: 'S1',
    state,
    log,
    clock,
    logger: silentLogger(),
    author: authorOf('runner/r1'),
    perform,
  })
  const claim = decide(state, { type: 'CLAIM', at: clock.now(), runner_id: 'r1', epoch: 1, host: 'h1', pid: 1 })
  if (!claim.ok) throw new Error(claim.message)
  const taken = interpreter.claim(nextEvent(state, claim.fact, 'S1', authorOf('runner/r1'), { at: clock.now() }))
  let end: InterpreterEnd | null = null
  void interpreter.ended.then((how) => (end = how))
  const until = async (done: () => boolean) => {
    expect(await scheduler.runUntil(done, scheduler.nowMs + 600_000, STEPS_MAX)).toBe(true)
  }
  const types = async () =>
    (await memory.read('S1')).map((item) => (item.kind === 'event' ? item.event.type : item.kind))
  return { interpreter, scheduler, memory, begun, append, taken, until, types, ended: () => end }
}

describe('the loop', () => {
  it('carries a session to its end, each effect after the event that asked for it', async () => {
    const early: string[] = []
    const world = await claimed({
      perform: (good) => async (intent, scope) => {
        const ids = (await world.memory.read('S1')).map((item) => (item.kind === 'event' ? item.event.id : ''))
        if (!ids.includes(intent.id.slice(0, intent.id.lastIndexOf('/')))) early.push(intent.id)
        return good(intent, scope)
      },
    })
    await world.taken
    world.interpreter.start()
    await world.until(() => world.ended() !== null)
    expect(world.ended()).toEqual({ kind: 'closed' })
    expect(early).toEqual([])
    expect((await world.types()).at(-1)).toBe('session.closed')
  })

  it('begins no effect while the append of its event is not acknowledged', async () => {
    let acknowledge: () => void = () => undefined
    const held = new Promise<void>((resolve) => {
      acknowledge = resolve
    })
    const hold = (log: EventLog): EventLog => ({
      ...log,
      append: async (event, expected) => {
        const position = await log.append(event, expected)
        if (event.type === 'session.started') await held
        return position
      },
    })
    const world = await claimed({ log: hold })
    await world.taken
    world.interpreter.start()
    await world.scheduler.runUntil(() => false, 60_000, STEPS_MAX)
    expect(world.begun).toEqual(['openSession'])
    acknowledge()
    await world.until(() => world.ended() !== null)
    expect(world.begun[1]).toBe('createWorkspace')
  })

  it('writes each event once, however often the answer gets lost', async () => {
    let losses = 0
    const losing = (log: EventLog): EventLog => ({
      ...log,
      append: async (event, expected) => {
        const position = await log.append(event, expected)
        if (++losses % 3 === 0) return position
        throw new SwarmError('append_outcome_unknown', 'no answer', { retryable: true })
      },
    })
    const world = await claimed({ log: losing })
    await world.until(() => world.interpreter.state.version > 1)
    world.interpreter.start()
    await world.until(() => world.ended() !== null)
    const { state } = await loadTrail(world.memory, 'S1')
    expect(stateName(state)).toBe('closed')
    expect((await world.types()).filter((type) => type === 'turn.started')).toHaveLength(1)
  })
})

describe('an effect that meets a fault that passes', () => {
  it('fails the session when no event can hold a result, and brings it to its end', async () => {
    const self: Record<string, unknown> = {}
    self['self'] = self
    const world = await claimed({
      perform: (good) => async (intent, scope) => {
        const result = await good(intent, scope)
        return result?.type === 'TURN_EXITED' ? { ...result, issues: [self as never] } : result
      },
    })
    await world.taken
    world.interpreter.start()
    await world.until(() => world.ended() !== null)
    expect(world.ended()).toEqual({ kind: 'closed' })
    const failed = (await world.memory.read('S1')).find(
      (item) => item.kind === 'event' && item.event.type === 'session.failed',
    )
    expect(failed).toMatchObject({
      event: {
        data: {
          reason_code: 'runner_error',
          summary: expect.stringMatching("execTurn: its result can't be recorded") as string,
        },
      },
    })
  })

  it('waits between attempts, also once a stop has told it to end', async () => {
    let attempts = 0
    const world = await claimed({
      front: { hooks: { after_create: 'x' } },
      perform: (good) => async (intent, scope) => {
        if (intent.type === 'runHook' && ++attempts < 5) throw unreachable()
        return good(intent, scope)
      },
    })
    await world.taken
    world.interpreter.start()
    await world.until(() => attempts === 1)
    await world.append({ type: 'STOP', by: 'ann' })
    const stoppedMs = world.scheduler.nowMs
    await world.interpreter.catchUp()
    await world.until(() => attempts === 5)
    expect(world.scheduler.nowMs - stoppedMs).toBeGreaterThan(300)
  })
})

describe('a session is given up, and never the process,', () => {
  it('when a result that is still needed is not accepted', async () => {
    const world = await claimed({
      perform:
        () =>
        async ({ type }) =>
          type === 'openSession' ? { type: 'CLOSE' } : null,
    })
    await world.taken
    world.interpreter.start()
    await world.until(() => world.ended() !== null)
    expect(world.ended()).toMatchObject({ kind: 'corrupt', error: { code: 'runner_error' } })
  })

  it('when what is read does not fold', async () => {
    const world = await claimed({ perform: () => () => new Promise(() => undefined) })
    await world.taken
    world.interpreter.start()
    const claim = (await world.memory.read('S1')).at(-1)
    if (claim?.kind !== 'event') throw new Error('no event')
    await world.memory.append({ ...claim.event, id: 'again' }, claim.position)
    await world.interpreter.catchUp()
    expect(world.ended()).toMatchObject({ kind: 'corrupt', error: { code: 'history_corrupt' } })
  })

  it('when another runner has claimed it: its effects are ended and nothing is written any more', async () => {
    const reasons: unknown[] = []
    const world = await claimed({
      perform:
        () =>
        async (_, { signal }) => {
          await new Promise((resolve) => signal.addEventListener('abort', resolve))
          reasons.push(signal.reason)
          return { type: 'SESSION_UNOPENABLE', reason_code: 'template_error', summary: 'too late' }
        },
    })
    await world.taken
    world.interpreter.start()
    await world.append({ type: 'CLAIM', runner_id: 'r2', epoch: 2, host: 'h2', pid: 2 }, 'runner/r2')
    await world.interpreter.catchUp()
    await world.interpreter.idle()
    expect(world.ended()).toMatchObject({ kind: 'lost' })
    expect(reasons).toEqual(['lost'])
    expect(await world.types()).toEqual(['start.requested', 'session.claimed', 'session.claimed'])
  })
})

describe('a runner that has to go', () => {
  it('begins nothing that takes time once its time is up', async () => {
    const world = await claimed({ front: { hooks: { after_create: 'x', before_run: 'y' } } })
    await world.taken
    world.interpreter.start()
    await world.until(() => world.begun.includes('runHook'))
    world.interpreter.drain()
    world.interpreter.interrupt()
    await world.until(() => world.ended() !== null)
    expect(world.ended()).toEqual({ kind: 'handed_back' })
    expect(world.begun.filter((type) => type === 'runHook')).toHaveLength(1)
  })

  it('lets go of a claim that is not acknowledged yet', async () => {
    const down = (log: EventLog): EventLog => ({ ...log, append: () => Promise.reject(unreachable()) })
    const world = await claimed({ log: down })
    world.interpreter.lose('told to end at once')
    expect(await world.taken).toBe(false)
  })
})
