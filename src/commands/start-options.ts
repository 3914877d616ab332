/** The options of `run` and `start`: every input that a session can be started with. */
import { resolve } from 'node:path'
import type { Command } from 'commander'
import type { StartRequest } from '../runtime/requests.ts'
import { jsonObject, label, list, wholeNumber } from './option-values.ts'

export type StartOptions = {
  sessionId?: string
  workspaceName?: string
  source?: string
  objectiveId?: string
  trackerItemId?: string
  maxTurns?: number
  turnTimeoutMs?: number
  label?: Record<string, string>
  context?: Record<string, unknown>
  emitTo?: string[]
  silentUnlessBlocked?: boolean
  requireApprovalBeforeEmit?: boolean
  autoCleanup: boolean
}

export function addStartOptions(command: Command): Command {
  return command
    .argument('<task>', 'what the agent shall do')
    .option('--session-id <id>', '1 to 64 characters of A-Z a-z 0-9 _ - (default: a new UUIDv7)')
    .option('--workspace-name <name>', "the workspace's directory name (default: the session id)")
    .option('--source <dir>', 'what the workspace is made from (default: the working directory of the runner)')
    .option('--objective-id <id>', 'what this session contributes to')
    .option('--tracker-item-id <id>', 'the ticket it works on')
    .option('--max-turns <n>', 'executor launches, at least 1', wholeNumber)
    .option('--turn-timeout-ms <n>', 'wall-clock budget of one turn, at least 1000', wholeNumber)
    .option('--label <name=value>', 'for filters, repeatable; the label lane shares capacity fairly', label)
    .option('--context <json>', 'an object that the executor is given as it is', jsonObject)
    .option(
      '--emit-to <sinks>',
      "names of sinks that get a turn's outcome, separated by commas: vericify, or others' own",
      list,
    )
    .option('--silent-unless-blocked', 'a turn without tool call that did not block posts nothing')
    .option('--require-approval-before-emit', 'posts wait for swarmtrail approve')
    .option('--no-auto-cleanup', 'keep the workspace')
}

/** What the session is started with. A relative source is one of this working directory. */
export function startRequestOf(task: string, options: StartOptions): StartRequest {
  return {
    task,
    session_id: options.sessionId,
    workspace_name: options.workspaceName,
    source_path: options.source === undefined ? undefined : resolve(options.source),
    objective_id: options.objectiveId,
    tracker_item_id: options.trackerItemId,
    max_turns: options.maxTurns,
    turn_timeout_ms: options.turnTimeoutMs,
    auto_cleanup: options.autoCleanup,
    context: options.context,
    emit_to: options.emitTo,
    silent_unless_blocked: options.silentUnlessBlocked,
    require_approval_before_emit: options.requireApprovalBeforeEmit,
    labels: options.label,
  }
}
