/**
 * The session machine: what can happen to a session, and when. Used only through pure functions (decider.ts).
 *
 * Three kinds of actions: a command is `decide`d (emits one fact, nothing moves), an event is `record`ed (the state
 * moves), and entering a state asks for an effect by name. States whose effect is not needed are passed over by their
 * `always`; a verdict once reached leads to `concluding` from wherever the session is.
 */
import { assign, emit, setup } from 'xstate'
import type { SwarmEvent } from '../events/envelope.ts'
import type { SessionFact } from '../events/session-events.ts'
import type { CheckStage, HookName } from '../events/workflow-config.ts'
import type { Command } from './commands.ts'
import { INITIAL_CONTEXT, type SessionContext } from './context.ts'
import { factOf } from './decisions.ts'
import { disposalOf, guards, type GuardArgs as Args, type Input } from './guards.ts'
import type { IntentParams, IntentType } from './intents.ts'
import { record } from './record.ts'

const asked = () => undefined
/** Only its type is looked at. */
const TYPES: { context?: SessionContext; events?: Input; emitted?: SessionFact } = {}

const machineSetup = setup({
  types: TYPES,
  actions: {
    decide: emit(({ context, event }: Args) => factOf(context, event as Command)),
    record: assign(({ context, event }: Args) => record(context, event as SwarmEvent)),
    openSession: asked,
    createWorkspace: asked,
    runHook: (_, _params: { hook: HookName }) => undefined,
    runChecks: (_, _params: { stage: CheckStage }) => undefined,
    prepareTurn: (_, _params: IntentParams['prepareTurn']) => undefined,
    execTurn: (_, _params: IntentParams['execTurn']) => undefined,
    runTool: (_, _params: IntentParams['runTool']) => undefined,
    settleTurn: asked,
    holdPost: asked,
    conclude: asked,
    endHold: (_, _params: IntentParams['endHold']) => undefined,
    resumeSession: asked,
    captureWorkspace: asked,
    disposeWorkspace: (_, _params: IntentParams['disposeWorkspace']) => undefined,
    closeSession: asked,
  },
  guards,
})

const decides = { actions: 'decide' } as const
const records = { actions: 'record' } as const
const goes = <T extends string>(target: T) => ({ target, actions: 'record' }) as const

/** Another runner may take over whenever the session is not closed. */
const claimable = {
  CLAIM: { guard: 'epochIsNext', actions: 'decide' },
  'session.claimed': { guard: 'epochIsNext', actions: 'record' },
} as const
/** A stop is noted wherever the session is; the state says whether work in flight must end first. */
const stoppable = {
  STOP: { guard: 'notStopped', actions: 'decide' },
  'stop.requested': { guard: 'notStopped', actions: 'record' },
} as const
const stopsAtOnce = { 'stop.requested': { guard: 'notStopped', target: 'concluding', actions: 'record' } } as const
const judgeable = {
  APPROVE: { guard: 'isHeldPost', actions: 'decide' },
  DENY: { guard: 'isHeldPost', actions: 'decide' },
  'approval.granted': { guard: 'isHeldPost', actions: 'record' },
  'approval.denied': { guard: 'isHeldPost', actions: 'record' },
} as const
/** The runner itself failed: the session does, before its outcome is recorded. */
const failable = { EFFECT_FAILED: decides, 'session.failed': goes('#session.cleanup') } as const

/** A state that runs one hook takes the end of that hook only: what is recorded twice can't be taken for the next one. */
const runsHook = <H extends HookName, T extends string>(hook: H, target: T) =>
  ({
    entry: { type: 'runHook', params: { hook } },
    on: {
      HOOK_FINISHED: { guard: { type: 'isHook', params: { hook } }, actions: 'decide' },
      'hook.finished': { guard: { type: 'isHook', params: { hook } }, target, actions: 'record' },
    },
  }) as const

const concluded = { guard: 'verdictReached', target: 'concluding' } as const
const toCleanup = goes('#session.cleanup')
const concluding = {
  entry: 'conclude',
  on: {
    CONCLUDE: decides,
    'session.failed': toCleanup,
    'session.stopped': toCleanup,
    'session.blocked': goes('#session.blocked'),
  },
} as const
/** Only a turn can complete a session. */
const concludingTurns = { ...concluding, on: { ...concluding.on, 'session.completed': toCleanup } } as const

const nextTurn = {
  type: 'prepareTurn',
  params: ({ context }: { context: SessionContext }) => ({
    turn_number: context.turnsStarted + 1,
    kind: context.nextKind,
    due_at: context.dueAt,
  }),
} as const
const turnPreparable = { TURN_PREPARED: decides, TURN_UNPREPARABLE: decides } as const
const heldPost = { HOLD_POST: decides } as const

export const sessionMachine = machineSetup.createMachine({
  id: 'session',
  context: () => INITIAL_CONTEXT,
  initial: 'unstarted',
  states: {
    unstarted: { on: { START: decides, 'start.requested': goes('queued') } },

    queued: {
      on: {
        CLAIM: { guard: 'epochIsNext', actions: 'decide' },
        'session.claimed': { guard: 'epochIsNext', target: 'preflight', actions: 'record' },
        STOP: decides,
        'stop.requested': goes('cleanup.unclaimed'),
      },
    },

    preflight: {
      initial: 'opening',
      on: { ...claimable, ...stoppable, ...judgeable, ...failable },
      states: {
        opening: {
          entry: 'openSession',
          on: { SESSION_OPENED: decides, SESSION_UNOPENABLE: decides, 'session.started': goes('posting') },
        },
        posting: {
          always: { guard: 'noPostToHold', target: 'opened' },
          entry: 'holdPost',
          on: { ...heldPost, 'post.held': goes('opened') },
        },
        // What is in flight is waited for, also by a stop: whether to go on is asked between the pieces of work only,
        // or a workspace in the making would be left behind unrecorded.
        opened: { always: [concluded, { target: 'creating' }] },
        creating: {
          entry: 'createWorkspace',
          on: {
            WORKSPACE_CREATED: decides,
            WORKSPACE_FAILED: decides,
            SESSION_UNOPENABLE: decides,
            'workspace.created': goes('created'),
            'workspace.failed': goes('concluding'),
          },
        },
        created: { always: [concluded, { guard: 'noAfterCreate', target: 'setUp' }, { target: 'settingUp' }] },
        settingUp: runsHook('after_create', 'setUp'),
        setUp: { always: [concluded, { guard: 'noChecksBeforeRun', target: 'checked' }, { target: 'checking' }] },
        checking: {
          entry: { type: 'runChecks', params: { stage: 'before_run' } },
          on: { CHECKS_FINISHED: decides, 'checks.passed': goes('checked'), 'checks.failed': goes('checked') },
        },
        checked: { always: [concluded, { guard: 'noBeforeRun', target: 'ready' }, { target: 'readying' }] },
        readying: runsHook('before_run', 'ready'),
        ready: { always: [concluded, { target: '#session.executing' }] },
        concluding,
      },
    },

    executing: {
      initial: 'preparing',
      on: { ...claimable, ...stoppable, ...judgeable, ...failable },
      states: {
        preparing: {
          always: concluded,
          entry: nextTurn,
          on: { ...turnPreparable, ...stopsAtOnce, 'turn.started': goes('running') },
        },
        running: {
          entry: { type: 'execTurn', params: ({ context }) => ({ turn_number: context.turnsStarted }) },
          on: {
            TURN_SPAWNED: { guard: 'notSpawned', actions: 'decide' },
            TURN_PROGRESSED: { guard: 'movesOn', actions: 'decide' },
            TURN_EXITED: decides,
            TURN_STALLED: decides,
            TURN_TIMED_OUT: decides,
            TURN_STOPPED: decides,
            TURN_INTERRUPTED: decides,
            'turn.spawned': { guard: 'notSpawned', actions: 'record' },
            'turn.progressed': records,
            'turn.exited': goes('responding'),
            'turn.stalled': goes('#session.stalled'),
            'turn.interrupted': goes('#session.stalled'),
            'turn.timed_out': goes('concluding'),
            'turn.stopped': goes('concluding'),
          },
        },
        responding: {
          always: [
            { guard: 'verdictReached', target: 'deciding' },
            { guard: 'toolCallsLeft', target: 'tooling' },
            { target: 'deciding' },
          ],
        },
        tooling: {
          entry: {
            type: 'runTool',
            params: ({ context }) => ({
              turn_number: context.turnsStarted,
              call: context.turn?.tool_results.length ?? 0,
            }),
          },
          on: {
            TOOL_FINISHED: { guard: 'isNextCall', actions: 'decide' },
            'tool.finished': { guard: 'isNextCall', target: 'responding', actions: 'record' },
          },
        },
        deciding: {
          entry: 'settleTurn',
          on: { SETTLE_TURN: decides, 'turn.completed': goes('posting'), 'turn.stopped': goes('concluding') },
        },
        posting: {
          always: { guard: 'noPostToHold', target: 'routing' },
          entry: 'holdPost',
          on: { ...heldPost, 'post.held': goes('routing') },
        },
        routing: { always: [concluded, { guard: 'mustVerify', target: 'verifying' }, { target: 'preparing' }] },
        verifying: {
          entry: { type: 'runChecks', params: { stage: 'stop' } },
          on: { CHECKS_FINISHED: decides, 'checks.passed': goes('routing'), 'checks.failed': goes('routing') },
        },
        concluding: concludingTurns,
      },
    },

    stalled: {
      initial: 'waiting',
      on: { ...claimable, ...stoppable, ...judgeable, ...failable },
      states: {
        waiting: {
          always: concluded,
          entry: nextTurn,
          on: { ...turnPreparable, ...stopsAtOnce, 'turn.started': goes('#session.executing.running') },
        },
        concluding,
      },
    },

    blocked: {
      initial: 'posting',
      on: { ...claimable, ...stoppable, ...judgeable },
      states: {
        posting: {
          always: { guard: 'noPostToHold', target: 'holding' },
          entry: 'holdPost',
          on: { ...heldPost, 'post.held': goes('holding') },
        },
        holding: {
          always: [
            { guard: 'notHeld', target: '#session.cleanup' },
            { guard: 'stopped', target: '#session.cleanup' },
          ],
          entry: { type: 'endHold', params: ({ context }) => ({ due_at: context.holdUntil ?? '' }) },
          on: {
            END_HOLD: decides,
            'stop.requested': { guard: 'notStopped', target: '#session.cleanup', actions: 'record' },
            RESUME: { guard: 'turnsLeft', actions: 'decide' },
            'resume.requested': { guard: 'turnsLeft', target: 'resuming', actions: 'record' },
          },
        },
        resuming: {
          entry: 'resumeSession',
          on: {
            RESUME_SESSION: decides,
            'session.resumed': [
              { guard: 'blockedBeforeRun', target: '#session.preflight.setUp', actions: 'record' },
              { target: '#session.executing', actions: 'record' },
            ],
          },
        },
      },
    },

    cleanup: {
      initial: 'posting',
      on: { ...claimable, ...judgeable },
      states: {
        unclaimed: {
          on: { 'session.claimed': { guard: 'epochIsNext', target: 'concluding', actions: 'record' } },
        },
        // Reached by a stop before any runner had the session: nothing else can have ended it.
        concluding: { entry: 'conclude', on: { CONCLUDE: decides, 'session.stopped': goes('posting') } },
        posting: {
          always: { guard: 'noPostToHold', target: 'capturing' },
          entry: 'holdPost',
          on: { ...heldPost, 'post.held': goes('capturing') },
        },
        capturing: {
          always: { guard: 'nothingToCapture', target: 'windingUp' },
          entry: 'captureWorkspace',
          on: {
            WORKSPACE_CAPTURED: decides,
            CLEANUP_FAILED: decides,
            EFFECT_FAILED: decides,
            'workspace.captured': goes('windingUp'),
            'workspace.cleanup_failed': goes('windingUp'),
          },
        },
        windingUp: {
          always: { guard: 'noAfterRun', target: 'clearing' },
          ...runsHook('after_run', 'clearing'),
        },
        clearing: {
          always: { guard: 'noBeforeRemove', target: 'disposing' },
          ...runsHook('before_remove', 'disposing'),
        },
        disposing: {
          always: { guard: 'nothingToDispose', target: 'closing' },
          entry: { type: 'disposeWorkspace', params: ({ context }) => ({ mode: disposalOf(context) }) },
          on: {
            WORKSPACE_REMOVED: decides,
            WORKSPACE_ARCHIVED: decides,
            WORKSPACE_KEPT: decides,
            CLEANUP_FAILED: decides,
            EFFECT_FAILED: decides,
            'workspace.removed': goes('closing'),
            'workspace.archived': goes('closing'),
            'workspace.kept': goes('closing'),
            'workspace.cleanup_failed': goes('closing'),
          },
        },
        closing: { entry: 'closeSession', on: { CLOSE: decides, 'session.closed': goes('#session.closed') } },
      },
    },

    closed: { on: { ...judgeable } },
  },
})

export const INTENT_TYPES: readonly IntentType[] = [
  'openSession',
  'createWorkspace',
  'runHook',
  'runChecks',
  'prepareTurn',
  'execTurn',
  'runTool',
  'settleTurn',
  'holdPost',
  'conclude',
  'endHold',
  'resumeSession',
  'captureWorkspace',
  'disposeWorkspace',
  'closeSession',
]
