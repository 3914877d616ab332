/**
 * A whole system in small, for one test: a source directory, an agent of scripted turns, a workflow file, a namespace
 * of a real nats-server shared by the tests of the file, and a runner, composed as users compose it.
 * After each test all views must equal those rebuilt from the log, and no process of its sessions may be left.
 */
import { randomBytes } from 'node:crypto'
import { mkdir, mkdtemp, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, type TestContext } from 'vitest'
import { stringify } from 'yaml'
import { type ConnectedSwarm, connectSwarm } from '../../src/connect.ts'
import { type CreateRunner, createRunner, type RunningRunner } from '../../src/create-runner.ts'
import type { RecordedEvent } from '../../src/events/envelope.ts'
import type { ArtifactRef } from '../../src/events/parts.ts'
import type { EventType } from '../../src/events/session-events.ts'
import type { WorkflowConfig } from '../../src/events/workflow-config.ts'
import type { StartRequest } from '../../src/runtime/requests.ts'
import type { RegistryRecord } from '../../src/runtime/swarm.ts'
import { startTestServer, type TestServer } from './nats-server.ts'
import { makeRepository, type Tree, writeTree } from './repositories.ts'
import { expectNothingLeft, type Recorded } from './session-trail.ts'

const waitMsMax = 60_000

/** Front matter as people write it: any part of any section; checks may be plain strings. */
export type FrontMatter = {
  [Section in keyof WorkflowConfig]?: Section extends 'autonomy'
    ? { before_run?: unknown[]; stop?: unknown[]; on_stop_failure?: 'block' | 'continue' }
    : Partial<WorkflowConfig[Section]>
}

export type ScenarioOptions = {
  config?: FrontMatter
  /** The template; default: the bare task. */
  prompt?: string
  /** Shell text of turn 1, 2, ...; the last one serves all further turns. `$at` is the scenario's directory. */
  turns?: readonly string[]
  /** Default: one file. */
  source?: Tree
  /** The source is a git repository with one commit. */
  git?: boolean
  runner?: Partial<CreateRunner>
  /** False: no runner until `serve` is called. */
  served?: boolean
}

export type Finished = { sessionId: string; events: RecordedEvent[]; record: RegistryRecord }

/** To be called once per file, outside any test; gives what opens a scenario inside one. */
export function scenarios(): (test: TestContext, options?: ScenarioOptions) => Promise<Scenario> {
  let server: TestServer | undefined
  beforeAll(async () => {
    server = await startTestServer()
  })
  afterAll(() => server?.stop())
  return async (test, options = {}) => {
    if (server === undefined) throw new Error('the server has not been started')
    const scenario = await Scenario.open(server.url, options)
    test.onTestFinished(() => scenario.close())
    return scenario
  }
}

export class Scenario {
  readonly swarm: ConnectedSwarm
  /** Of the server, with the credentials in it. */
  readonly url: string
  /** Holds everything of the scenario. */
  readonly directory: string
  readonly source: string
  readonly workflow: string
  private readonly options: ScenarioOptions
  private readonly runners: RunningRunner[] = []
  private readonly sessions: string[] = []

  private constructor(swarm: ConnectedSwarm, url: string, directory: string, options: ScenarioOptions) {
    this.swarm = swarm
    this.url = url
    this.directory = directory
    this.source = join(directory, 'source')
    this.workflow = join(directory, 'WORKFLOW.md')
    this.options = options
  }

  static async open(url: string, options: ScenarioOptions): Promise<Scenario> {
    const directory = await realpath(await mkdtemp(join(tmpdir(), 'swarmtrail-scenario-')))
    const namespace = `t${randomBytes(6).toString('hex')}`
    const swarm = await connectSwarm({ servers: url, namespace, dir: join(directory, 'state'), source: 'client/test' })
    const scenario = new Scenario(swarm, url, directory, options)
    await scenario.setUp()
    if (options.served !== false) await scenario.serve()
    return scenario
  }

  private async setUp(): Promise<void> {
    const { source = { 'README.md': 'hello\n' }, git, turns = [] } = this.options
    await (git === true ? makeRepository(this.source, source) : writeTree(this.source, source))
    await mkdir(join(this.directory, 'agent'))
    await Promise.all(turns.map((text, index) => writeFile(join(this.directory, 'agent', String(index + 1)), text)))
    await this.writeWorkflow(this.options)
  }

  async writeWorkflow({
    config = {},
    prompt = '{{ task }}',
  }: Pick<ScenarioOptions, 'config' | 'prompt'>): Promise<void> {
    const executor = { command: `at='${this.directory}'; ${RUN_TURN}`, ...config.executor }
    await writeFile(this.workflow, `---\n${stringify({ ...config, executor })}---\n${prompt}`)
  }

  /** Starts a runner in this process. */
  async serve(options: Partial<CreateRunner> = {}): Promise<RunningRunner> {
    const { swarm, workflow, source: sourceDir } = this
    const usual = { swarm, workflow, sourceDir, capacity: 4, drainMs: 0 }
    const runner = await createRunner({ ...usual, ...this.options.runner, ...options })
    this.runners.push(runner)
    return runner
  }

  /** Starts a session and returns its id. */
  async start(request: StartRequest | string = 'do it'): Promise<string> {
    const result = await this.swarm.start(typeof request === 'string' ? { task: request } : request)
    if (!result.ok) throw new Error(`${result.code}: ${result.message}`)
    this.sessions.push(result.sessionId)
    return result.sessionId
  }

  /** Starts a session and waits until it is closed. */
  async run(request: StartRequest | string = 'do it'): Promise<Finished> {
    return this.closed(await this.start(request))
  }

  async closed(sessionId: string): Promise<Finished> {
    await this.next(sessionId, 'session.closed')
    return { sessionId, events: await this.events(sessionId), record: await this.record(sessionId) }
  }

  async record(sessionId: string): Promise<RegistryRecord> {
    const record = await this.swarm.get(sessionId)
    if (record === null) throw new Error(`no session ${sessionId}`)
    return record
  }

  /** All events of a session so far. */
  async events(sessionId: string): Promise<RecordedEvent[]> {
    const events: RecordedEvent[] = []
    for await (const event of this.swarm.events({ sessionId, from: 'start', until: 'now' })) events.push(event)
    return events
  }

  /** The first event of a type that the condition accepts, waiting for it if need be. */
  async next<T extends EventType>(
    sessionId: string,
    type: T,
    accepts: (event: Recorded<T>) => boolean = () => true,
  ): Promise<Recorded<T>> {
    const signal = AbortSignal.timeout(waitMsMax)
    for await (const event of this.swarm.events({ sessionId, types: [type], from: 'start', signal })) {
      if (accepts(event as Recorded<T>)) return event as Recorded<T>
    }
    const seen = (await this.events(sessionId)).map((event) => event.type)
    throw new Error(`waited in vain for ${type} of ${sessionId}; there are ${seen.join(', ')}`)
  }

  async artifact(ref: ArtifactRef): Promise<string> {
    return new TextDecoder().decode(await this.swarm.ports.artifacts.get(ref))
  }

  /** What the executor was given in a turn. */
  async given(sessionId: string, turn: number): Promise<{ prompt: string; request: Record<string, unknown> }> {
    const { data } = await this.next(sessionId, 'turn.started', (event) => event.data.turn_number === turn)
    const [prompt, request] = await Promise.all([this.artifact(data.prompt), this.artifact(data.request)])
    return { prompt, request: JSON.parse(request) as Record<string, unknown> }
  }

  async close(): Promise<void> {
    try {
      await Promise.all(this.runners.map((runner) => runner.close({ drainMs: 0 })))
      await expectNothingLeft(this.swarm, this.sessions, this.directory)
    } finally {
      await this.swarm.close()
      await rm(this.directory, { recursive: true, force: true, maxRetries: 5 })
    }
  }
}

/** Sources the script of this turn, or the last one there is. */
const RUN_TURN = `n=$ACE_RUNTIME_TURN_NUMBER; while [ ! -e "$at/agent/$n" ]; do n=$((n - 1)); done; . "$at/agent/$n"`

/** Shell text that writes a response file. */
export function answer(response: Record<string, unknown>): string {
  return `cat > "$ACE_RUNTIME_RESPONSE_FILE" <<'END_OF_ANSWER'\n${JSON.stringify(response)}\nEND_OF_ANSWER\n`
}
export const done = (summary = 'all done') => answer({ status: 'done', summary })
export const goOn = (summary = 'some done', more: Record<string, unknown> = {}) =>
  answer({ status: 'continue', summary, ...more })
/** Shell text that says it is there by making a file, and then says nothing more. */
export const hang = (mark = 'hanging') => `touch "$at/${mark}"; exec sleep 600`
