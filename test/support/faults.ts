/** Runners as real processes in a place of their own, to be killed, frozen and cut off, and what to look at afterwards. */
import { randomBytes } from 'node:crypto'
import { existsSync } from 'node:fs'
import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished } from 'vitest'
import { stringify } from 'yaml'
import { connectSwarm } from '../../src/connect.ts'
import type { RecordedEvent } from '../../src/events/envelope.ts'
import type { EventType } from '../../src/events/session-events.ts'
import { verifyLog } from '../../src/runtime/verify-history.ts'
import { cliIn, type CliProcess } from './cli.ts'
import type { FrontMatter } from './scenario.ts'
import { pidsWith } from './processes.ts'
import { expectViewsToBeTrue, type Recorded } from './session-trail.ts'
import { until } from './until.ts'

const waitMsMax = 60_000

/**
 * For every script: `visit POINT` notes each run of a point of a session in `runs-<task>-<point>` and notes in
 * `overlaps` when the process of an earlier run is still alive; `stick POINT` besides says that it is there, by
 * `pid-<task>-<point>`, and goes on only when it is run again, or when `go` exists. `done_with` answers for a turn.
 */
const LIBRARY = `
visit() {
  here="$ACE_RUNTIME_TASK-$1"
  for old in $(cat "$AT/runs-$here" 2>/dev/null); do
    # A process that is only waiting for its parent has no command line any more.
    grep -q . "/proc/$old/cmdline" 2>/dev/null && [ "$old" != $$ ] && echo "$here" >> "$AT/overlaps"
  done
  echo $$ >> "$AT/runs-$here"
}
stick() {
  visit "$1"
  [ "$ACE_RUNTIME_TASK" = "$1" ] || return 0
  [ -e "$AT/pid-$here" ] && return 0
  echo $$ > "$AT/pid-$here.new"
  mv "$AT/pid-$here.new" "$AT/pid-$here"
  # Lives on when nobody reads what it says any more.
  trap '' PIPE
  while [ -d "$AT" ] && [ ! -e "$AT/go" ]; do echo here 2> /dev/null; sleep 0.05; done
}
answer() { printf '%s' "$1" > "$ACE_RUNTIME_RESPONSE_FILE"; }
`

export type PlaceOptions = {
  program: string
  /** Of the server, with credentials. */
  url: string
  /** Shell text of every turn; the library above is loaded. */
  turn: string
  config?: FrontMatter
  env?: Record<string, string>
  args?: readonly string[]
  /** Default: one of its own. */
  namespace?: string
}

export type Place = Awaited<ReturnType<typeof openPlace>>

/** A directory, a workflow, a namespace and a client; runners are started as processes. All is gone after the test. */
export async function openPlace({ program, url, turn, config = {}, env = {}, args = [], ...given }: PlaceOptions) {
  const at = await realpath(await mkdtemp(join(tmpdir(), 'swarmtrail-faults-')))
  const namespace = given.namespace ?? `f${randomBytes(6).toString('hex')}`
  const command = `. "$AT/library.sh"; . "$AT/turn.sh"`
  const front = { workspace: { source: 'copy', root: join(at, 'workspaces') }, executor: { command }, ...config }
  await mkdir(join(at, 'source'))
  await writeFile(join(at, 'source', 'README.md'), 'hello\n')
  await writeFile(join(at, 'library.sh'), LIBRARY)
  await writeFile(join(at, 'turn.sh'), turn)
  await writeFile(join(at, 'WORKFLOW.md'), `---\n${stringify(front)}---\n{{ task }}`)
  const cli = cliIn(program, at, { NATS_URL: url, SWARMTRAIL_NAMESPACE: namespace, AT: at, ...env })
  const swarm = await connectSwarm({ servers: url, namespace, dir: join(at, 'state'), source: 'client/test' })
  const sessions: string[] = []
  onTestFinished(async () => {
    await swarm.close()
    await rm(at, { recursive: true, force: true, maxRetries: 5 })
  })

  async function events(sessionId: string): Promise<RecordedEvent[]> {
    const found: RecordedEvent[] = []
    for await (const event of swarm.events({ sessionId, from: 'start', until: 'now' })) found.push(event)
    return found
  }

  return {
    at,
    swarm,
    cli,
    namespace,
    events,
    file: (name: string) => join(at, name),
    has: (name: string) => existsSync(join(at, name)),
    lines: async (name: string) => (await readFile(join(at, name), 'utf8')).trim().split('\n'),
    /** How often a point of a session was run. */
    runs: async (sessionId: string, point: string): Promise<number> => {
      const name = join(at, `runs-${sessionId}-${point}`)
      return existsSync(name) ? (await readFile(name, 'utf8')).trim().split('\n').length : 0
    },
    /** Waits until a process has made the file. */
    reached: (name: string) => until(`${name} is there`, () => existsSync(join(at, name)), waitMsMax),
    touch: (name: string) => writeFile(join(at, name), ''),

    /** A session whose id is its task. */
    start: async (id: string, labels: Record<string, string> = {}): Promise<void> => {
      const result = await swarm.start({ task: id, session_id: id, labels })
      if (!result.ok) throw new Error(`${result.code}: ${result.message}`)
      sessions.push(id)
    },

    /** A runner that serves. */
    runner: async (...more: string[]): Promise<CliProcess> => {
      const process = cli.start('runner', '--workflow', 'WORKFLOW.md', '--source', 'source', ...args, ...more)
      await process.prints('serves namespace')
      return process
    },

    /** The first such event, waiting for it. */
    next: async <T extends EventType>(
      sessionId: string,
      type: T,
      accepts: (event: Recorded<T>) => boolean = () => true,
    ): Promise<Recorded<T>> => {
      const signal = AbortSignal.timeout(waitMsMax)
      for await (const event of swarm.events({ sessionId, types: [type], from: 'start', signal }))
        if (accepts(event as Recorded<T>)) return event as Recorded<T>
      throw new Error(`no ${type} of ${sessionId}: ${(await events(sessionId)).map((event) => event.type).join(', ')}`)
    },

    /** Every history is whole and folds, no event is there twice, all views follow, and no process is left. */
    allIsTrue: async (): Promise<void> => {
      const ids: string[] = []
      for await (const { id } of swarm.events({ from: 'start', until: 'now' })) ids.push(id)
      expect(new Set(ids).size).toBe(ids.length)
      const { ok, sessions: verified } = await verifyLog(swarm.ports)
      expect(verified.filter((session) => !session.ok)).toEqual([])
      expect(ok).toBe(true)
      await expectViewsToBeTrue(swarm)
      for (const id of sessions)
        expect((await swarm.replaySteps(id)).filter((step) => step.parked !== null)).toEqual([])
      expect(pidsWith('AT', at)).toEqual([])
    },
  }
}

export async function killed(process: CliProcess, signal: NodeJS.Signals = 'SIGKILL'): Promise<void> {
  process.child.kill(signal)
  await process.ended
}
