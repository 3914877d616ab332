/** When the artifacts of a turn are sent, as the server sees it: before the events that name them. */
import { expect, it, type TestContext } from 'vitest'
import { connectNats } from '../../src/adapters/nats/connection.ts'
import { artifactName } from '../../src/events/subjects.ts'
import { artifactsOf } from '../../src/runtime/transfer/export-artifacts.ts'
import { done, goOn, scenarios } from '../support/scenario.ts'

const scenario = scenarios()

/** Subjects in the order in which the server got their messages, all from the one connection of the runner. */
async function sentIn(test: TestContext, length: number) {
  const s = await scenario(test, { served: false, turns: [goOn('a'.repeat(length)), done('b'.repeat(length))] })
  const link = await connectNats({ servers: s.url, namespace: s.swarm.namespace })
  test.onTestFinished(() => link.close())
  const subjects: string[] = []
  for (const subject of [`$O.${link.names.artifactBucket}.M.*`, link.names.allEvents])
    link.nc.subscribe(subject, { callback: (_, message) => void subjects.push(message.subject) })
  await link.nc.flush()
  await s.serve()
  const { events } = await s.run(`do it: ${'c'.repeat(length)}`)
  const placeOf = (subject: string) => subjects.indexOf(subject)
  return events.map((event, index) => ({
    type: event.type,
    /** The n-th event of the log is the n-th that was sent. */
    at: subjects.flatMap((subject, at) => (subject.includes('.event.') ? [at] : []))[index] ?? -1,
    artifacts: artifactsOf(event).map(({ sha256 }) => {
      const name = Buffer.from(artifactName(sha256)).toString('base64url')
      return placeOf(`$O.${link.names.artifactBucket}.M.${name}${'='.repeat(-name.length & 3)}`)
    }),
  }))
}

it.concurrent('short texts are sent first', async (test) => {
  const sent = await sentIn(test, 10)
  expect(namingIn(sent)).toEqual(NAMING)
  expect(lateIn(sent)).toEqual([])
})

it.concurrent('long texts are stored first', async (test) => {
  const sent = await sentIn(test, 60_000)
  expect(namingIn(sent)).toEqual(NAMING)
  expect(lateIn(sent)).toEqual([])
})

type Sent = Awaited<ReturnType<typeof sentIn>>
const NAMING = ['turn.started', 'turn.exited', 'turn.started', 'turn.exited']

function namingIn(sent: Sent): string[] {
  return sent.filter(({ artifacts }) => artifacts.length > 0).map(({ type }) => type)
}

/** Events that came before an artifact that they name, or that name one that never came. */
function lateIn(sent: Sent): Sent {
  return sent.filter(({ at, artifacts }) => artifacts.some((sentAt) => sentAt === -1 || sentAt > at))
}
