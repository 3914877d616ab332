/** How events change the turns of a session record. */
import type { SwarmEvent } from '../events/envelope.ts'
import type { EventData } from '../events/session-events.ts'
import { clip, clipStart, clipValue } from './clip.ts'
import type { Recorded } from './projection.ts'
import {
  changed,
  changedTurn,
  CONDENSED_CHARS_MAX,
  FULL_TURNS_MAX,
  TOOL_OUTPUT_CHARS_MAX,
  type RegistryDocument,
  type RegistryTurn,
} from './registry-document.ts'
import { cutOutcome, cutReason, isOpen, type TurnCut, turnStatusAfter } from './status.ts'

type Document = RegistryDocument

export function startTurn(document: Document, { data, time }: Recorded<'turn.started'>): Document {
  const turn: RegistryTurn = {
    turn_number: data.turn_number,
    started_at: time,
    ended_at: null,
    status: 'running',
    response_status: null,
    summary: null,
    prompt_path: `${data.directory}/prompt.md`,
    request_path: `${data.directory}/request.json`,
    response_path: `${data.directory}/response.json`,
    exit_code: null,
    stdout: null,
    stderr: null,
    tool_calls: [],
    turn_outcome: null,
    outcome_reason: null,
  }
  const turns = document.turns.concat(turn)
  const aged = turns.length - 1 - FULL_TURNS_MAX
  const old = turns[aged]
  if (old !== undefined) turns[aged] = condensed(old)
  return changed(document, { turn_count: data.turn_number, current_task: data.task, turns })
}

export function exitTurn(document: Document, event: Recorded<'turn.exited'>): Document {
  const { data, time } = event
  return inTurn(document, data.turn_number, (turn) =>
    changedTurn(turn, {
      ended_at: time,
      status: turnStatusAfter(turn.status, event) ?? turn.status,
      response_status: data.response?.status ?? null,
      summary: data.response?.summary ?? null,
      exit_code: data.exit_code,
      stdout: data.stdout.tail,
      stderr: data.stderr.tail,
    }),
  )
}

export function cutTurn(document: Document, event: TurnCut): Document {
  const { data, time } = event
  return inTurn(document, data.turn_number, (turn) =>
    changedTurn(turn, {
      ended_at: turn.ended_at ?? time,
      status: turnStatusAfter(turn.status, event) ?? turn.status,
      stdout: data.stdout?.tail ?? turn.stdout,
      stderr: data.stderr?.tail ?? turn.stderr,
      turn_outcome: cutOutcome(event) ?? turn.turn_outcome,
      outcome_reason: cutReason(event),
    }),
  )
}

export function addToolCall(document: Document, { data }: Recorded<'tool.finished'>): Document {
  return inTurn(document, data.turn_number, (turn) =>
    changedTurn(turn, {
      tool_calls: [...turn.tool_calls, toolCallOf(data)],
    }),
  )
}

function toolCallOf(data: EventData<'tool.finished'>): RegistryTurn['tool_calls'][number] {
  return {
    call: data.call,
    name: data.tool_name,
    ok: data.ok,
    output: data.ok ? clipValue(data.output, TOOL_OUTPUT_CHARS_MAX) : null,
    error:
      data.error === undefined ? null : { ...data.error, message: clip(data.error.message, TOOL_OUTPUT_CHARS_MAX) },
  }
}

export function completeTurn(document: Document, event: Recorded<'turn.completed'>): Document {
  const { data, time } = event
  return inTurn(document, data.turn_number, (turn) =>
    changedTurn(turn, {
      ended_at: turn.ended_at ?? time,
      status: turnStatusAfter(turn.status, event) ?? turn.status,
      summary: data.summary,
      turn_outcome: data.outcome,
      outcome_reason: data.outcome_reason,
    }),
  )
}

/** An outcome ends the turn that was still open. */
export function closeOpenTurn(document: Document, event: SwarmEvent): Document {
  const last = document.turns.at(-1)
  if (last === undefined || !isOpen(last.status)) return document
  return inTurn(document, last.turn_number, (turn) =>
    changedTurn(turn, {
      ended_at: turn.ended_at ?? event.time,
      status: turnStatusAfter(turn.status, event) ?? turn.status,
    }),
  )
}

function inTurn(document: Document, number: number, change: (turn: RegistryTurn) => RegistryTurn): Document {
  const index = document.turns.findLastIndex((turn) => turn.turn_number === number)
  const turn = document.turns[index]
  return turn === undefined ? document : changed(document, { turns: document.turns.with(index, change(turn)) })
}

/** An old turn in brief, so that a session of very many turns still fits into one document. */
function condensed(turn: RegistryTurn): RegistryTurn {
  return changedTurn(turn, {
    stdout: turn.stdout === null ? null : clipStart(turn.stdout, CONDENSED_CHARS_MAX),
    stderr: turn.stderr === null ? null : clipStart(turn.stderr, CONDENSED_CHARS_MAX),
    tool_calls: turn.tool_calls.map((call) => ({ ...call, output: clipValue(call.output, CONDENSED_CHARS_MAX) })),
  })
}
