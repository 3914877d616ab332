/** The live status line of a session: phase, turn, last activity, elapsed. */
import type { RecordedEvent } from '../../events/envelope.ts'
import { durationWords } from '../../words/amounts.ts'
import { clipped } from './printable.ts'
import type { Terminal } from './terminal.ts'

const REDRAW_MS = 1_000

export type Progress = {
  sessionId: string
  phase: string
  turn: number
  maxTurns: number | null
  startedMs: number
  lastActivityMs: number
}

export function progressAfter(progress: Progress, event: RecordedEvent, phase: string): Progress {
  const next = { ...progress, phase, lastActivityMs: Date.parse(event.time) }
  if (event.type === 'session.started') return { ...next, maxTurns: event.data.limits.max_turns }
  if (event.type === 'turn.started') return { ...next, turn: event.data.turn_number }
  if (event.type === 'turn.progressed') return { ...next, lastActivityMs: Date.parse(event.data.last_activity) }
  return next
}

export function statusText(progress: Progress, nowMs: number, columns: number): string {
  const turn = progress.turn === 0 ? 'no turn yet' : `turn ${progress.turn} of ${progress.maxTurns ?? '?'}`
  const parts = [
    progress.sessionId,
    progress.phase,
    turn,
    `last activity ${durationWords(nowMs - progress.lastActivityMs)} ago`,
    `elapsed ${durationWords(nowMs - progress.startedMs)}`,
  ]
  return clipped(parts.join(' · '), columns - 1)
}

/** Draws the line anew every second and whenever it is told; does nothing where there is no terminal. */
export function liveStatus(terminal: Terminal, progress: () => Progress): { draw: () => void; end: () => void } {
  const draw = () => terminal.status(statusText(progress(), Date.now(), terminal.columns))
  if (!terminal.live) return { draw: () => undefined, end: () => undefined }
  const timer = setInterval(draw, REDRAW_MS)
  draw()
  return {
    draw,
    end: () => {
      clearInterval(timer)
      terminal.status(null)
    },
  }
}
