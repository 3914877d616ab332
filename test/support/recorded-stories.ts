/**
 * The stories behind test/histories/: how each recorded history was told. The files are what counts, for ever; a story
 * here is only used once, to write the file of a new one. To add one, add its story and run
 * `RECORD_HISTORIES=1 npx vitest run test/machines/recorded-histories.test.ts`.
 */
import type { StartInput } from '../../src/events/start-input.ts'
import type { CommandBody, EffectResult } from '../../src/machines/commands.ts'
import { contextOf, INITIAL_STATE, phaseOf, stateName, type SessionState } from '../../src/machines/decider.ts'
import { calls, checkOf, exitedOf, hookOf, inputOf, responseOf, T0, type Front } from './facts.ts'
import { FINISH_STEPS_MAX, historyOf, requestsIn, resultsIn, step, type History, type Step } from './histories.ts'

type Told = {
  front?: Front
  input?: Partial<StartInput>
  /** How successive turns end; `done` once there are no more. */
  turns?: EffectResult[]
  /** What comes in the given states instead of a good result, each once and in this order. */
  meanwhile?: [state: string, body: CommandBody][]
  /** Where the story breaks off; default: when it is closed. */
  until?: string
}

const answer = (...response: Parameters<typeof responseOf>): EffectResult => ({
  type: 'TURN_EXITED',
  ...exitedOf(responseOf(...response)),
})
const cut = { last_activity: T0, duration_ms: 5 }
const STALL: EffectResult = { type: 'TURN_STALLED', ...cut }
const STOP: CommandBody = { type: 'STOP', by: 'ann', reason: 'enough' }
const TAKE_OVER: CommandBody = { type: 'CLAIM', runner_id: 'r2', epoch: 2, host: 'h2', pid: 43 }
const RESUME: CommandBody = { type: 'RESUME', by: 'ann', guidance: 'the key is under the mat' }
const checks = (stage: 'before_run' | 'stop', ok: boolean): EffectResult => ({
  type: 'CHECKS_FINISHED',
  stage,
  checks: [checkOf('tests', ok)],
})
const hooks = { after_create: 'npm ci', before_run: 'make ready', after_run: 'make report', before_remove: 'make tidy' }
const hold = { blocked: { hold_ms: 60_000 } }

export const stories: Record<string, Told> = {
  'completed-after-three-turns': {
    front: { hooks, autonomy: { before_run: ['test -f plan'] } },
    input: { objective_id: 'O1', tracker_item_id: 'T-7', labels: { lane: 'slow' } },
    turns: [
      answer('continue', { next_task: 'oil the hinge' }),
      answer('continue'),
      answer('done', { evidence_refs: ['log'] }),
    ],
  },
  'completed-with-tools': {
    turns: [
      answer('continue', { tool_calls: calls('list_files', 'git_diff') }),
      answer('done', { tool_calls: calls('git_status') }),
    ],
  },
  'completed-after-stop-checks-failed-once': {
    front: { autonomy: { stop: ['tests'], on_stop_failure: 'continue' } },
    meanwhile: [['executing.verifying', checks('stop', false)]],
  },
  'completed-in-place-and-kept': { front: { workspace: { source: 'in-place' } } },
  'completed-with-approvals': {
    front: { output: { require_approval_before_emit: true }, workspace: { on_cleanup: 'archive' } },
    turns: [answer('continue'), answer('done')],
    meanwhile: [
      [
        'executing.running',
        { type: 'APPROVE', post_id: 'completed-with-approvals.completed-with-approvals-e3', by: 'ann' },
      ],
    ],
  },
  'completed-after-a-takeover': {
    meanwhile: [
      ['executing.running', TAKE_OVER],
      ['executing.running', { type: 'TURN_INTERRUPTED', ...cut, reason: 'its runner is gone' }],
    ],
  },
  'failed-with-an-invalid-response': { turns: [{ type: 'TURN_EXITED', ...exitedOf(null) }] },
  'failed-at-max-turns': { front: { executor: { max_turns: 2 } }, turns: [answer('continue'), answer('continue')] },
  'failed-by-timeout-and-uncaptured': {
    turns: [{ type: 'TURN_TIMED_OUT', ...cut }],
    meanwhile: [['cleanup.capturing', { type: 'CLEANUP_FAILED', error: 'index is locked' }]],
  },
  'failed-in-before-run': {
    front: { hooks },
    meanwhile: [['preflight.readying', { type: 'HOOK_FINISHED', ...hookOf('before_run', false) }]],
  },
  'failed-by-the-template': {
    meanwhile: [
      ['preflight.opening', { type: 'SESSION_UNOPENABLE', reason_code: 'template_error', summary: 'unknown variable' }],
    ],
  },
  'blocked-and-resumed-to-completion': {
    front: hold,
    turns: [answer('blocked')],
    meanwhile: [['blocked.holding', RESUME]],
  },
  'blocked-in-preflight-and-resumed': {
    front: { ...hold, autonomy: { before_run: ['tests'] } },
    meanwhile: [
      ['preflight.checking', checks('before_run', false)],
      ['blocked.holding', RESUME],
    ],
  },
  'blocked-until-the-hold-ended': { front: hold, turns: [answer('blocked')] },
  'blocked-by-stalls': { turns: [STALL, STALL, STALL] },
  'stopped-while-queued': { meanwhile: [['queued', STOP]] },
  'stopped-in-preflight': { front: { hooks }, meanwhile: [['preflight.settingUp', STOP]] },
  'stopped-while-running': {
    meanwhile: [
      ['executing.running', STOP],
      ['executing.running', { type: 'TURN_STOPPED', ...cut }],
    ],
  },
  'stopped-while-stalled': { turns: [STALL], meanwhile: [['stalled.waiting', STOP]] },
  'stopped-while-blocked': { front: hold, turns: [answer('blocked')], meanwhile: [['blocked.holding', STOP]] },
  'open-in-a-running-turn': { until: 'executing.running' },
  'open-after-a-stall': { turns: [STALL], until: 'stalled.waiting' },
}

/** Tells a story from its first request on. */
export function tellStory(name: string): History {
  const told = stories[name] ?? {}
  const scenario = { front: told.front ?? {}, input: inputOf({ ...told.input, session_id: name }) }
  const turns = [...(told.turns ?? [])]
  const meanwhile = [...(told.meanwhile ?? [])]
  const steps: Step[] = []
  let state = INITIAL_STATE
  while (phaseOf(state) !== 'closed' && stateName(state) !== told.until && steps.length < FINISH_STEPS_MAX) {
    const [good] = [...resultsIn(state, scenario), ...requestsIn(state, scenario)]
    if (good === undefined) throw new Error(`no way on from ${stateName(state)}`)
    const body = bodyNow(state, turns, meanwhile)
    const taken = step(steps, state, body === null ? good : { ...body, at: good.at })
    steps.push(taken)
    state = taken.after
  }
  return historyOf(scenario, steps, state)
}

function bodyNow(state: SessionState, turns: EffectResult[], meanwhile: [string, CommandBody][]): CommandBody | null {
  const running = stateName(state) === 'executing.running'
  const turn = contextOf(state).turn
  if (running && turn?.spawned === null) {
    return { type: 'TURN_SPAWNED', pid: 100, pgid: 100, process_started_at: '12345' }
  }
  if (running && turn?.stdout_bytes === 0) {
    return { type: 'TURN_PROGRESSED', last_activity: T0, stdout_bytes: 10, stderr_bytes: 0 }
  }
  if (meanwhile[0]?.[0] === stateName(state)) return meanwhile.shift()?.[1] ?? null
  return running ? (turns.shift() ?? null) : null
}
