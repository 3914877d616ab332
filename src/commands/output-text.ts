/** Executor output as `logs` prints it. */
import { plainText } from '../words/plain-text.ts'
import type { ConnectedSwarm } from '../connect.ts'
import type { SwarmEvent } from '../events/envelope.ts'
import type { Output } from '../events/parts.ts'
import type { Cli } from './command.ts'

export const STREAMS = ['stdout', 'stderr'] as const
export type StreamName = (typeof STREAMS)[number]
/** Only this turn, only this stream. */
export type OutputChoice = { turn?: number; stream?: StreamName }

/** Prints the whole output of a turn that this event ended; returns how many streams that were. */
export async function printEnded(
  cli: Cli,
  swarm: ConnectedSwarm,
  event: SwarmEvent,
  { turn, stream }: OutputChoice,
): Promise<number> {
  const ended = endedTurn(event)
  if (ended === null || (turn !== undefined && turn !== ended.turn)) return 0
  let printed = 0
  for (const name of STREAMS) {
    const output = ended[name]
    if (output === undefined || output.bytes === 0 || (stream !== undefined && stream !== name)) continue
    announce(cli, ended.turn, name)
    await printText(cli, ended.turn, name, await wholeOf(swarm, output))
    printed++
  }
  return printed
}

/** Tells on standard error whose output follows, so that standard output is what the executor wrote and no more. */
export function announce({ terminal }: Cli, turn: number, stream: StreamName): void {
  if (!terminal.json) terminal.note(`== turn ${turn}, ${stream}`)
}

export async function printText({ terminal }: Cli, turn: number, stream: StreamName, text: string): Promise<void> {
  if (terminal.json) return terminal.value({ turn, stream, text })
  await terminal.write(terminal.toPerson ? plainText(text) : text)
}

type EndedTurn = { turn: number; stdout?: Output | undefined; stderr?: Output | undefined }

/** The turn that this event ended, with what it wrote; null where it ended none. */
export function endedTurn(event: SwarmEvent): EndedTurn | null {
  switch (event.type) {
    case 'turn.exited':
    case 'turn.stalled':
    case 'turn.timed_out':
    case 'turn.interrupted':
    case 'turn.stopped':
      return { turn: event.data.turn_number, stdout: event.data.stdout, stderr: event.data.stderr }
    default:
      return null
  }
}

async function wholeOf(swarm: ConnectedSwarm, { tail, clipped, artifact }: Output): Promise<string> {
  if (!clipped || artifact === null) return tail
  return new TextDecoder().decode(await swarm.ports.artifacts.get(artifact))
}
