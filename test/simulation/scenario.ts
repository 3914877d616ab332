/** What a seed is about: the workflow, how executors behave, how many runners, and what befalls them when. */
import type { z } from 'zod'
import { workflowConfigSchema, type WorkflowConfig } from '../../src/events/workflow-config.ts'
import type { Workflow, Workflows } from '../../src/runtime/ports.ts'
import { executorBehaviour, hookBehaviour, drawTemper, type Behaviour } from './agents.ts'
import { drawFaults, noFaults, type Faults } from './faults.ts'
import type { Random } from './random.ts'
import { sha256 } from './server.ts'

export type Scenario = {
  config: WorkflowConfig
  faults: Faults
  /** Runners and the hosts they start on. */
  hosts: string[]
  /** Hosts share one file system. */
  sharedDisk: boolean
  capacity: number
  leaseTtlMs: number
  sessions: number
  clients: number
  /** Clients send commands besides start. */
  meddling: boolean
  /** A stop of every session so long after its start; null: none. */
  stopAfterMs: number | null
  /** Faults and accidents happen until then. */
  chaosMs: number
  /** How many accidents befall each runner. */
  accidents: number
  behaviour: (command: string, turn: number) => Behaviour
}

type Front = z.input<typeof workflowConfigSchema>

export function configOf(front: Omit<Front, 'executor'> & { executor?: Partial<Front['executor']> }): WorkflowConfig {
  return workflowConfigSchema.parse({ ...front, executor: { command: 'agent', ...front.executor } })
}

export function drawScenario(random: Random): Scenario {
  const temper = drawTemper(random)
  const calm = random.chance(0.1)
  const hostNames = random.pick([['h1', 'h1'], ['h1', 'h2'], ['h1', 'h1', 'h2'], ['h1', 'h2', 'h3'], ['h1']])
  return {
    config: drawConfig(random),
    faults: calm ? noFaults() : drawFaults(random),
    hosts: hostNames,
    sharedDisk: random.chance(0.6),
    capacity: random.int(1, 3),
    leaseTtlMs: random.pick([1_000, 2_000, 3_000]),
    sessions: random.int(1, 3),
    clients: random.int(1, 2),
    meddling: random.chance(0.7),
    stopAfterMs: null,
    chaosMs: random.int(5_000, 25_000),
    accidents: calm ? 0 : random.int(0, 3),
    behaviour: (command, turn) =>
      command === 'agent' ? executorBehaviour(random, temper, turn) : hookBehaviour(random, temper),
  }
}

function drawConfig(random: Random): WorkflowConfig {
  const maybe = <T>(value: T) => (random.chance(0.4) ? value : undefined)
  const some = (values: string[]) => values.filter(() => random.chance(0.4))
  return configOf({
    executor: {
      protocol: random.pick(['ace', 'ace', 'ace', 'exit-code'] as const),
      max_turns: random.int(1, 4),
      turn_timeout_ms: random.int(6_000, 12_000),
    },
    liveness: {
      stall_window_ms: random.pick([-1, 1_500, 3_000]),
      max_stall_restarts: random.int(0, 2),
      initial_backoff_ms: random.pick([0, 500, 2_000]),
      max_retry_backoff_ms: 4_000,
    },
    workspace: {
      root: '/w',
      source: random.pick(['worktree', 'copy', 'empty', 'in-place'] as const),
      on_cleanup: random.pick(['remove', 'archive', 'keep'] as const),
    },
    hooks: {
      after_create: maybe('after_create'),
      before_run: maybe('before_run'),
      after_run: maybe('after_run'),
      before_remove: maybe('before_remove'),
      timeout_ms: 4_000,
    },
    autonomy: {
      before_run: some(['check a', 'check b']),
      stop: [
        ...some(['check c', 'check d']),
        ...(random.chance(0.2) ? [{ no_uncommitted_changes: true as const }] : []),
      ],
      on_stop_failure: random.pick(['block', 'continue'] as const),
    },
    output: {
      silent_unless_blocked: random.chance(0.3),
      require_approval_before_emit: random.chance(0.4),
    },
    blocked: { hold_ms: random.pick([0, 5_000, 20_000]) },
    tools: { deny: random.chance(0.2) ? ['command'] : [] },
  })
}

export function workflowsOf(config: WorkflowConfig): Workflows {
  const template = '{{ task }}'
  const workflow: Workflow = {
    config,
    template,
    path: '/source/WORKFLOW.md',
    digest: sha256(template),
    warnings: [],
    directory: '/source',
  }
  return {
    load: () => Promise.resolve(workflow),
    render: (_, variables) => Promise.resolve(JSON.stringify(variables)),
    resolvePath: (_, path) => path,
  }
}
