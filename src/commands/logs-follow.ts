/** `logs --follow`: what earlier turns wrote, then live output until the session is closed. */
import type { ConnectedSwarm } from '../connect.ts'
import type { Cli } from './command.ts'
import { announce, type OutputChoice, printEnded, printText, type StreamName } from './output-text.ts'
import { notFound, turnNotFound } from './refusals.ts'

/** Live output was sent before the event that closes the session; it is over when nothing came for so long. */
const QUIET_MS = 100
const QUIET_CHECKS_MAX = 50

type Chunk = { stream: StreamName; text: string }

export async function followLive(cli: Cli, swarm: ConnectedSwarm, id: string, choice: OutputChoice): Promise<void> {
  const ended = new AbortController()
  const giveBack = cli.interrupts.take(() => ended.abort())
  const signal = AbortSignal.any([ended.signal, cli.terminal.closed])
  // Listening begins before the trail is read, so that nothing falls in between.
  const chunks = swarm.ports.log.followOutput(id, signal)
  const head = await swarm.positionOf('now')
  const record = await swarm.get(id)
  if (record === null) throw notFound(id)
  const { turn = 1 } = choice
  if (turn < 1 || (record.phase === 'closed' && choice.turn !== undefined && turn > record.turn_count))
    throw turnNotFound(id, turn, record.turn_count)
  const past = swarm.events({ sessionId: id, from: 'start', until: 'now', signal })
  for await (const event of past) if (event.position <= head) await printEnded(cli, swarm, event, choice)
  const running = record.turns.find(({ status }) => status === 'running')
  if (running !== undefined) cli.terminal.note(`turn ${running.turn_number} is running; its output from now on:`)
  const live = printLive(cli, chunks, choice, Math.max(1, record.turn_count))
  if (record.phase !== 'closed') {
    const events = swarm.events({ sessionId: id, from: head, until: 'closed', signal })
    for await (const event of events) if (event.type === 'turn.started') live.turnIs(event.data.turn_number)
    if (!signal.aborted) await live.quiet()
  }
  ended.abort()
  await live.done
  giveBack()
}

function printLive(cli: Cli, chunks: AsyncIterable<Chunk>, choice: OutputChoice, firstTurn: number) {
  let turn = firstTurn
  let announced = ''
  let taken = 0
  const print = async ({ stream, text }: Chunk): Promise<void> => {
    if (choice.stream !== undefined && choice.stream !== stream) return
    if (choice.turn !== undefined && choice.turn !== turn) return
    const name = `${turn} ${stream}`
    if (announced !== name) announce(cli, turn, stream)
    announced = name
    await printText(cli, turn, stream, text)
  }
  const run = async () => {
    for await (const chunk of chunks) {
      taken++
      await print(chunk)
    }
  }
  return {
    done: run(),
    turnIs: (number: number) => {
      turn = number
    },
    quiet: async () => {
      for (let check = 0, before = -1; check < QUIET_CHECKS_MAX && before !== taken; check++) {
        before = taken
        await new Promise((resolve) => setTimeout(resolve, QUIET_MS))
      }
    },
  }
}
