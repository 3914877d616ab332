/** Which variables processes get, and that the value of a secret is nowhere: no event, no artifact, no view, no live output. */
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import type { ArtifactRef } from '../../src/events/parts.ts'
import { indexes, projections } from '../../src/projections/catalog.ts'
import { storeNameOf } from '../../src/projections/names.ts'
import { answer, done, type Scenario, scenarios } from '../support/scenario.ts'
import { only } from '../support/session-trail.ts'

const scenario = scenarios()

const SECRET = 'hunter2!x'
const LISTED = 'listed-only-by-name'
/** As private keys are: what stands in a JSON text is not the value as it is. */
const KEY = '-----BEGIN "KEY"-----\nZm9v\n-----END-----\n'
const given = {
  E2E_API_TOKEN: SECRET,
  E2E_PRIVATE_KEY: KEY,
  E2E_LISTED: LISTED,
  E2E_PLAIN: 'plain-value',
  NATS_URL: 'nats://127.0.0.1:1',
}
const before = Object.fromEntries(Object.keys(given).map((name) => [name, process.env[name]]))
Object.assign(process.env, given)
afterAll(() => {
  for (const [name, value] of Object.entries(before)) {
    if (value === undefined) delete process.env[name]
    else process.env[name] = value
  }
})

/** All that is stored of a scenario, as one text. */
async function everythingStored({ swarm }: Scenario): Promise<string> {
  const texts: string[] = []
  const refs = new Map<string, ArtifactRef>()
  for await (const item of swarm.ports.log.subscribe({ after: 0, once: true })) {
    if (item.kind === 'caught_up') continue
    texts.push(item.body)
    JSON.parse(item.body, (_, value: unknown) => {
      if (isRef(value)) refs.set(value.sha256, value)
      return value
    })
  }
  for (const ref of refs.values()) texts.push(new TextDecoder().decode(await swarm.ports.artifacts.get(ref)))
  for (const projection of [...Object.values(projections), ...Object.values(indexes)]) {
    for await (const stored of swarm.ports.views.list(storeNameOf(projection))) texts.push(JSON.stringify(stored))
  }
  return texts.join('\n')
}

function isRef(value: unknown): value is ArtifactRef {
  return typeof value === 'object' && value !== null && 'sha256' in value && 'bytes' in value
}

it.concurrent('a secret that is printed, answered, found by tools, hooks and checks is stored nowhere', async (test) => {
  const print = 'echo "it is $E2E_API_TOKEN and $E2E_LISTED"'
  const leak = {
    status: 'continue',
    summary: `found ${SECRET}`,
    next_task: `use ${SECRET}`,
    evidence_refs: [`env:${SECRET}`],
    tool_calls: [
      { name: 'run_command', input: { command: `${print}; ${print} >&2` } },
      { name: 'read_file_lines', input: { path: 'settings.txt' } },
      { name: 'list_files', input: { [SECRET]: SECRET } },
      { name: SECRET, input: {} },
    ],
  }
  const flood = `i=0; while [ $i -lt 300 ]; do ${print}; i=$((i + 1)); done`
  const s = await scenario(test, {
    prompt: '{{ task }}{% for call in previous_tool_calls %}{{ call | json }}{% endfor %}',
    // The file is made by a hook and removed again, so that only the tool's result could tell of it.
    turns: [
      `echo "token=$E2E_API_TOKEN" > settings.txt; ${flood}; ${print} >&2; printf hunt; sleep 0.2; printf 'er2!x\\n'; ${answer(leak)}`,
      `rm settings.txt; ${done(`ended with ${LISTED}`)}`,
    ],
    config: {
      executor: { env: ['E2E_API_TOKEN', 'E2E_LISTED'], secrets: ['E2E_LISTED'] },
      hooks: { after_create: print, before_run: print, after_run: `${print} >&2; exit 1`, before_remove: print },
      autonomy: { before_run: [print], stop: [print] },
    },
  })
  const live: string[] = []
  const life = new AbortController()
  const sessionId = 'leaky'
  const following = (async () => {
    for await (const { text } of s.swarm.ports.log.followOutput(sessionId, life.signal)) live.push(text)
  })()
  const { record, events } = await s.run({ task: 'look around', session_id: sessionId })
  expect(record.status).toBe('completed')
  const stored = await everythingStored(s)
  life.abort()
  await following
  for (const text of [stored, live.join('')]) {
    expect(text).toContain('it is [redacted:E2E_API_TOKEN] and [redacted:E2E_LISTED]')
    expect(text.includes(SECRET)).toBe(false)
    expect(text.includes(LISTED)).toBe(false)
  }
  expect(only(events, 'session.completed').data.summary).toBe('ended with [redacted:E2E_LISTED]')
  expect(stored).toContain('token=[redacted:E2E_API_TOKEN]')
})

it.concurrent.for([`{"status": ${SECRET}`, SECRET, `{"status":"${SECRET}","summary":" "}`, `{"${SECRET}":1}`])(
  'a broken response is told of without the secret in it: %s',
  async (text, test) => {
    const s = await scenario(test, {
      turns: [`printf '%s' '${text}' > "$ACE_RUNTIME_RESPONSE_FILE"`],
      config: { executor: { env: ['E2E_API_TOKEN'] } },
    })
    const { record } = await s.run()
    expect(record.reason_code).toBe('invalid_response')
    const stored = await everythingStored(s)
    expect(stored.includes(SECRET.slice(0, 6))).toBe(false)
  },
)

it.concurrent('a secret with line ends and quotes is recognised in the answer, where JSON escapes it', async (test) => {
  const s = await scenario(test, { turns: [done(`the key is ${KEY}`)] })
  const { record } = await s.run()
  expect(record.result_summary).toBe('the key is [redacted:E2E_PRIVATE_KEY]')
  expect((await everythingStored(s)).includes('Zm9v')).toBe(false)
})

const PRINT_ENV = 'env > "$at/env.txt"'

async function environmentOf(s: Scenario): Promise<Record<string, string>> {
  const text = await readFile(join(s.directory, 'env.txt'), 'utf8')
  return Object.fromEntries(text.split('\n').map((line) => line.split(/=(.*)/s, 2) as [string, string]))
}

it.concurrent('by default all variables reach the executor but secrets and where the log is', async (test) => {
  const s = await scenario(test, {
    turns: [`${PRINT_ENV}; ${done()}`],
    config: { executor: { secrets: ['E2E_LISTED'] } },
  })
  const { sessionId, record } = await s.run('the task\nin two lines')
  const env = await environmentOf(s)
  expect(env).toMatchObject({
    E2E_PLAIN: 'plain-value',
    ACE_RUNTIME_SESSION_ID: sessionId,
    ACE_RUNTIME_TURN_NUMBER: '1',
    ACE_RUNTIME_WORKSPACE_PATH: record.workspace_path,
    ACE_RUNTIME_TASK: 'the task',
    ACE_RUNTIME_PROMPT_FILE: record.turns[0]?.prompt_path,
    ACE_RUNTIME_REQUEST_FILE: record.turns[0]?.request_path,
    ACE_RUNTIME_RESPONSE_FILE: record.turns[0]?.response_path,
  })
  for (const name of ['E2E_API_TOKEN', 'E2E_LISTED', 'NATS_URL']) expect(env).not.toHaveProperty(name)
})

it.concurrent('a list passes those it names, secrets too, and what a shell can not do without', async (test) => {
  const env = ['E2E_API_TOKEN', 'NOT_SET']
  const s = await scenario(test, { turns: [`${PRINT_ENV}; ${done()}`], config: { executor: { env } } })
  await s.run()
  const found = await environmentOf(s)
  expect(found).toMatchObject({ E2E_API_TOKEN: SECRET, PATH: process.env['PATH'] })
  for (const name of ['E2E_PLAIN', 'NOT_SET', 'NATS_URL']) expect(found).not.toHaveProperty(name)
})

it.concurrent('a map gives values, of its own or of variables of the runner', async (test) => {
  const env = { AGENT_KEY: '$E2E_API_TOKEN', MODE: 'fast', MISSING: '$NOT_SET', PRICE: '5$' }
  const s = await scenario(test, {
    turns: [`${PRINT_ENV}; echo "$AGENT_KEY"; ${done()}`],
    config: { executor: { env }, hooks: { before_run: 'test "$MODE" = fast && test -z "$E2E_PLAIN"' } },
  })
  const { record } = await s.run()
  expect(await environmentOf(s)).toMatchObject({ AGENT_KEY: SECRET, MODE: 'fast', MISSING: '', PRICE: '5$' })
  expect(record.turns[0]?.stdout).toMatch(/^\[redacted:\w+\]\n$/)
  expect((await everythingStored(s)).includes(SECRET)).toBe(false)
})
