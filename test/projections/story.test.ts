import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { RecordedEvent } from '../../src/events/envelope.ts'
import type { ToolCall } from '../../src/events/parts.ts'
import { ENDED_BY_STOP } from '../../src/events/terms.ts'
import { storyOf } from '../../src/projections/story.ts'
import type { Story } from '../../src/projections/story-document.ts'
import { storyLines } from '../../src/projections/story-lines.ts'
import { a, calls, checkOf, responseOf } from '../support/facts.ts'
import { eventsOf, histories } from '../support/histories.ts'
import { at, but, printed, timedTrail, type Timed } from '../support/timed-trail.ts'

const stop = { autonomy: { stop: ['npm test'], on_stop_failure: 'continue' as const } }

const opened = (front: Parameters<typeof a.started>[0] = {}): Timed[] => [
  [0, a.startRequested({ labels: { team: 'blue' }, objective_id: 'O1' })],
  [50, a.claimed()],
  [100, a.started(front)],
  [200, a.workspaceCreated()],
]
const doubted: Timed[] = [
  ...opened(stop),
  [300, a.turnStarted(1)],
  [310, a.spawned(1)],
  [1_300, a.progressed(1)],
  [2_300, a.exited(1, responseOf('done', { tool_calls: calls('git_diff') }))],
  [2_400, but(a.tool(1, 0, 'git_diff'), { started_at: at(2_320), duration_ms: 40 })],
  [2_500, a.completed(1, 'done')],
  [2_600, a.checksFailed('stop')],
]
const believed: Timed[] = [
  ...doubted,
  [3_000, a.turnStarted(2, 'stop_check')],
  [9_000, a.exited(2, responseOf('done', { summary: 'now it holds' }))],
  [9_100, a.completed(2, 'done', { summary: 'now it holds' })],
  [9_900, a.checksPassed('stop')],
  [9_950, a.sessionCompleted()],
  [10_000, a.captured()],
  [10_100, a.removed()],
  [10_200, a.closed('completed', 2)],
]

describe('the story of a session', () => {
  it('keeps apart what was asked, claimed, verified and changed', () => {
    expect(tell(believed)).toMatchObject({
      session_id: 'S1',
      events: 19,
      asked: { by: 'client/ann', time: at(0), task: 'mend the gate', objective_id: 'O1', labels: { team: 'blue' } },
      ran: { command: 'agent', stop_checks: 1, runners: ['r1'] },
      outcome: { outcome: 'completed', reason_code: 'done', position: 16 },
      claimed: { turn_number: 2, status: 'done', summary: 'now it holds', position: 13 },
      verified: { verified: true, checks: [{ name: 'c', ok: true }], position: 15 },
      changed: { files: [{ path: 'gate.txt', change: 'modified' }], position: 17 },
      turns: 2,
      duration_ms: 10_200,
      working_ms: 1_800,
    })
  })

  it('does not take the checks of an earlier claim for those of a later one', () => {
    expect(tell(doubted).verified).toMatchObject({ verified: false, position: 11 })
    expect(tell(believed.slice(0, 14)).verified).toEqual({ verified: null, checks: [], position: null })
    expect(tell([...opened(), [300, a.checksPassed('before_run')]]).verified.verified).toBeNull()
  })

  it('takes a claim whose checks a stop cut off for not verified', () => {
    const cut: Timed = [
      2_600,
      but(a.checksFailed('stop'), { checks: [{ ...checkOf('c', false), output: ENDED_BY_STOP }] }),
    ]
    const story = tell([...doubted.slice(0, -1), [2_550, a.stop()], cut, [2_700, a.sessionStopped()]])
    expect(story.verified).toMatchObject({ verified: null, checks: [{ name: 'c' }], position: 12 })
    const lines = storyLines(story)
    expect(lines).toContain('verified  no, the checks were ended by the stop')
    expect(lines).toContain(`${'+2.6 s'.padStart(12)} ! the claim was not checked: the checks were ended by the stop`)
    expect(story.spans.find(({ label }) => label === 'c')).toMatchObject({ tone: 'warn' })
    expect(lines.join('\n')).not.toMatch(/fail/i)
    // Only a stop ends checks: the same words of a check itself mean nothing.
    expect(tell([...doubted.slice(0, -1), cut]).verified.verified).toBe(false)
    expect(storyLines(tell([...doubted.slice(0, -1), cut])).join('\n')).toContain('1 of 1 failed')
  })

  it('tells what each tool was called with, on one line', () => {
    const inputs: [ToolCall['input'], string | null][] = [
      [{ command: 'echo hi;\n\u001B[31mnpm test' }, 'input: echo hi; npm test'],
      [{ path: 'a.txt', content: 'much' }, 'input: a.txt'],
      [{ path: 'a.txt', start_line: 3 }, 'input: a.txt (start_line: 3)'],
      [{ pattern: 'x', nested: ['y'] }, 'input: {"pattern":"x","nested":["y"]}'],
      [{ pattern: 'x'.repeat(1_000) }, `input: {"pattern":"${'x'.repeat(187)}…`],
      [{}, null],
    ]
    const tool_calls = inputs.map(([input], call) => ({ name: `t${call}`, input }))
    const story = tell([
      ...opened(),
      [300, a.turnStarted(1)],
      [400, a.exited(1, responseOf('continue', { tool_calls }))],
      ...inputs.map((_, call): Timed => [500 + call, a.tool(1, call, `t${call}`)]),
    ])
    const told = story.entries.filter(({ type }) => type === 'tool.finished').map(({ details }) => details)
    expect(told).toEqual(inputs.map(([, line]) => (line === null ? [] : [line])))
    expect(storyLines(story)).toContain(`${' '.repeat(15)}input: echo hi; npm test`)
  })

  it('has no outcome before one is recorded, nor after the session was resumed', () => {
    expect(tell(opened()).outcome).toBeNull()
    const blocked: Timed[] = [...opened(), [300, a.sessionBlocked('preflight_blocked', 60_000)]]
    expect(tell(blocked).outcome).toMatchObject({ outcome: 'blocked' })
    expect(tell([...blocked, [400, a.resume()], [500, a.resumed()]]).outcome).toBeNull()
    expect(storyOf([])).toBeNull()
  })

  it('tells each event in order, with why and what was printed', () => {
    const story = tell(doubted)
    expect(story.entries.map(({ title }) => title)).toEqual([
      'client/ann asked for a session',
      'runner r1 took the session',
      'the workflow was read: a command given on the command line',
      'a workspace was made: worktree',
      'turn 1 began (first)',
      'turn 1 ran for 900 ms and exited with 0',
      'tool git_diff succeeded after 40 ms',
      'turn 1 answered done',
      'the claim was checked: 1 of 1 failed',
    ])
    expect(story.entries.at(-1)).toMatchObject({ tone: 'bad', details: ['FAILED: c, exit code 1, 3 ms'] })
    expect(story.entries.at(-1)?.printed).toMatchObject([{ label: 'c', text: 'c is not so' }])
    expect(story.entries[5]?.details).toContain('it claims done: done, says the agent')
  })

  it('measures phases, turns, steps and waits', () => {
    const spans = tell([
      ...opened(),
      [300, a.turnStarted(1)],
      [4_300, but(a.stalled(1), { last_activity: at(1_300) })],
      [5_300, a.turnStarted(2, 'stall_restart')],
    ]).spans.map(({ lane, label, start_ms, end_ms, open }) => {
      return [lane, label, start_ms - Date.parse(at(0)), end_ms - Date.parse(at(0)), open]
    })
    expect(spans).toEqual([
      ['phase', 'queued', 0, 50, false],
      ['phase', 'preflight', 50, 200, false],
      ['phase', 'executing', 200, 4_300, false],
      ['turn', 'turn 1', 300, 4_300, false],
      ['wait', 'silence', 1_300, 4_300, false],
      ['phase', 'stalled', 4_300, 5_300, false],
      ['wait', 'backoff', 4_300, 5_300, false],
      ['phase', 'executing', 5_300, 5_300, true],
      ['turn', 'turn 2', 5_300, 5_300, true],
    ])
  })

  it('is told in plain lines for a terminal', () => {
    const lines = storyLines(tell(believed))
    expect(lines).toContain('claimed   done in turn 2: now it holds')
    expect(lines).toContain('verified  yes, by c passed')
    expect(lines).toContain('changed   1 file')
    expect(lines).toContain(`${'+2.6 s'.padStart(12)} x the claim was checked: 1 of 1 failed`)
    expect(lines.at(-1)).toMatch(/^19 events from position 1 to 19, head hash [0-9a-f]{64}$/)
  })

  it('holds no control byte, escape sequence or direction mark, wherever they stood', () => {
    const bad = 'a\u001B[31mb\u001B]0;title\u0007c\u009B1md\u202Ee\u0000f\r\ng'
    const story = tell([
      [0, a.startRequested({ task: bad, labels: { [bad]: bad } })],
      [50, a.claimed(1, bad)],
      [100, a.started()],
      [200, a.workspaceCreated()],
      [300, a.turnStarted(1, 'first', bad)],
      [400, but(a.exited(1, responseOf('done', { summary: bad })), { stdout: printed(bad) })],
    ])
    expect(story.asked.task).toBe('abcdef\ng')
    expect(story.entries.at(-1)?.printed[0]?.text).toBe('abcdef\ng')
    expect(JSON.stringify(story)).not.toMatch(/\\u00[0-9a-f]{2}|\u202E|\u009B/)
  })

  it('can be told of every history, and points at nothing that is not there', () => {
    fc.assert(
      fc.property(histories, (history) => {
        const events = eventsOf(history).map((event, index): RecordedEvent => ({ ...event, position: index + 1 }))
        const story = storyOf(events)
        expect(story === null).toBe(events.length === 0)
        if (story === null) return
        const told = story.entries.map(({ position }) => position)
        const passedOver = events.filter(({ type }) => type === 'turn.spawned' || type === 'turn.progressed')
        expect([...told, ...passedOver.map(({ position }) => position)].toSorted((x, y) => x - y)).toEqual(
          events.map(({ position }) => position),
        )
        for (const { position } of [...story.spans, ...story.marks]) expect(events[position - 1]).toBeDefined()
        for (const { start_ms, end_ms } of story.spans) expect(end_ms).toBeGreaterThanOrEqual(start_ms)
        expect(storyLines(story).length).toBeGreaterThan(events.length / 2)
      }),
      { numRuns: 60 },
    )
  })
})

function tell(timed: readonly Timed[]): Story {
  const story = storyOf(timedTrail(timed))
  if (story === null) throw new Error('no story')
  return story
}
