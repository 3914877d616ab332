import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import { buildCli, cliIn, type Cli } from '../support/cli.ts'
import { exists, temporaryDirectory } from '../support/repositories.ts'

/** A command takes seconds where the machine is busy. */
const TEST_MS_MAX = 120_000

let program: string
beforeAll(async () => {
  program = await buildCli()
})

async function here(env: Record<string, string> = {}): Promise<Cli> {
  return cliIn(program, await temporaryDirectory(), env)
}

describe('usage', { timeout: TEST_MS_MAX }, () => {
  it('is explained by --help, for the whole and for each command, without touching anything', async () => {
    const cli = await here()
    const whole = await cli.run('--help')
    expect(whole).toMatchObject({ code: 0, stderr: '' })
    expect(whole.stdout).toContain('serve sessions until stopped')
    const one = await cli.run('wait', '--help')
    expect(one.code).toBe(0)
    expect(one.stdout).toMatch(/--timeout-ms[\s\S]*--namespace[\s\S]*Example:/)
    expect(await cli.run('help', 'wait')).toEqual(one)
    expect(await exists(join(cli.directory, '.swarmtrail'))).toBe(false)
  })

  it('is told with its version', async () => {
    const { version } = JSON.parse(await readFile('package.json', 'utf8')) as { version: string }
    const cli = await here()
    expect(await cli.run('--version')).toEqual({ code: 0, stdout: `${version}\n`, stderr: '' })
    for (const args of [
      ['--version', '--json'],
      ['--json', '--version'],
    ])
      expect(await cli.run(...args)).toEqual({ code: 0, stdout: `{"version":"${version}"}\n`, stderr: '' })
  })

  it.each([
    { args: ['rnu', 'task'], line: /^error: invalid_argument: unknown command 'rnu'; Did you mean run\?.*\n$/ },
    {
      args: ['ps', '--limt', '3'],
      line: /^error: invalid_argument: unknown option '--limt'; Did you mean --limit\?.*\n$/,
    },
    { args: ['run'], line: /^error: invalid_argument: missing required argument 'task'.*\n$/ },
    { args: ['ps', '--limit', 'many'], line: /^error: invalid_argument: option '--limit <n>' .*whole number.*\n$/ },
    { args: ['start', 't', '--context', '[1]'], line: /^error: invalid_argument: .*Expected a JSON object.*\n$/ },
    {
      args: ['ps', '--status', 'done'],
      line: /^error: invalid_argument: --status done: expected one of starting.*\n$/,
    },
    {
      args: ['watch', '--type', 'sesion.*'],
      line: /^error: invalid_argument: --type sesion\.\*: .*session\.closed.*\n$/,
    },
    { args: ['view', 'registy'], line: /^error: unknown_view: no view "registy"; there are registry.*\n$/ },
    { args: ['deny', 'nothing'], line: /^error: invalid_argument: post "nothing": expected SESSION\.EVENT/ },
    {
      args: ['start', 't', '--label', '__proto__=1', '--label', 'a=b'],
      line: /^error: invalid_argument: labels: __proto__ is/,
    },
    { args: ['ps', '--replicas', '3'], line: /^error: invalid_argument: --replicas is for a cluster.*\n$/ },
    {
      args: ['run', 't', '--command', 'true', '--workflow', 'x'],
      line: /^error: invalid_argument: --command is instead/,
    },
    {
      args: ['run', 't', '--command', 'true', '--source', 'none'],
      line: /^error: invalid_argument: --source: \/.*\/none: /,
    },
    { args: ['runner', '--source', 'none'], line: /^error: invalid_argument: --source: \/.*\/none: / },
    { args: ['ps', '--dir', process.execPath], line: /^error: invalid_argument: --dir: \/.*: it is no directory\n$/ },
    {
      args: ['up', '--dir', `${process.execPath}/x`],
      line: /^error: invalid_argument: --dir: \/.*: it is no directory\n$/,
    },
    ...[
      ['export', '--all', '--out', 'none/x'],
      ['export', 'ace', '--out', 'none/x'],
      ['verify', '--summary', 'none/x'],
      ['audit', 'S1', '--html', 'none/x'],
      ['init', '--source', 'none'],
    ].map((args) => ({ args, line: /^error: invalid_argument: --\w+: \/.*\/none: there is no such directory\n$/ })),
    {
      args: ['run', 't', '--workflow', 'x', '--protocol', 'exit-code'],
      line: /^error: invalid_argument: --protocol is for --command/,
    },
    ...['nonsense', '4222', 'host:', ':4222', 'host:0', 'host:65536', '[host]:1', '::1:4222', 'a"b:1'].map(
      (listen) => ({
        args: ['server-config', '--roles', '--listen', listen],
        line: /^error: invalid_argument: --listen .*: expected HOST:PORT/,
      }),
    ),
    {
      args: ['server-config', '--create', '--nats', 'nats://127.0.0.1:1', '--listen', '127.0.0.1:4222'],
      line: /^error: invalid_argument: --listen and --store-dir are for --roles\n$/,
    },
    { args: ['run', 't', '--command', ' '], line: /^error: invalid_argument: --command: expected a non-blank string/ },
  ])('$args is refused with status 2 and one line', async ({ args, line }) => {
    const { code, stdout, stderr } = await (await here()).run(...args)
    expect({ code, stdout }).toEqual({ code: 2, stdout: '' })
    expect(stderr).toMatch(line)
  })

  it.each(['0.0.0.0:4222', '[::1]:4222', 'nats_1.example.org:1'])('a server may listen on %s', async (listen) => {
    const { code, stdout } = await (await here()).run('server-config', '--roles', '--listen', listen)
    expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringContaining(`\nlisten: "${listen}"\n`) })
  })

  it('without a command prints help and exits with 2', async () => {
    const { code, stderr } = await (await here()).run()
    expect(code).toBe(2)
    expect(stderr).toContain('Usage: swarmtrail')
  })

  it('errors are an object on standard output with --json, before or after the command', async () => {
    const cli = await here()
    for (const args of [['--json', 'nonsense'], ['nonsense', '--json'], ['--json']]) {
      const { code, stdout } = await cli.run(...args)
      expect(code).toBe(2)
      expect(JSON.parse(stdout)).toMatchObject({ error: { code: 'invalid_argument', details: {} } })
    }
  })
})

describe('a server that is named', { timeout: TEST_MS_MAX }, () => {
  it('and can not be reached is told at once, with status 69 and without its password', async () => {
    const url = 'nats://someone:hunter2@127.0.0.1:1'
    const named = [
      { cli: await here({ NATS_URL: url }), args: [] },
      { cli: await here(), args: ['--nats', url] },
    ]
    for (const { cli, args } of named) {
      const { code, values, stderr } = await cli.json('ps', ...args)
      expect(code).toBe(69)
      expect(values).toMatchObject([{ error: { code: 'log_unreachable' } }])
      expect(stderr).toMatch(/^error: log_unreachable: .*127\.0\.0\.1:1.*NATS_URL is right\n$/)
      expect(stderr + JSON.stringify(values)).not.toContain('hunter2')
    }
  })

  it('leaves nothing for up and down to do', async () => {
    const { code, stderr } = await (await here({ NATS_URL: 'nats://127.0.0.1:1' })).run('up')
    expect(code).toBe(2)
    expect(stderr).toContain('NATS_URL')
  })
})

describe('the workflow', { timeout: TEST_MS_MAX }, () => {
  it('that is missing ends run and runner with 2 before there is a server', async () => {
    const cli = await here()
    for (const args of [['run', 'task'], ['runner']]) {
      const { code, stderr } = await cli.run(...args)
      expect(code).toBe(2)
      expect(stderr).toMatch(/^error: workflow_missing: .*swarmtrail init.*\n$/)
    }
    expect(await exists(join(cli.directory, '.swarmtrail'))).toBe(false)
  })

  it('is written by init, once, and is valid', async () => {
    const cli = await here()
    const path = join(cli.directory, 'agent-state', 'ACE_WORKFLOW.md')
    expect(await cli.json('init')).toMatchObject({ code: 0, values: [{ path }] })
    expect(await cli.run('init')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^error: file_exists: .*--force/),
    })
    expect((await cli.run('init', '--force')).code).toBe(0)
    expect(await cli.run('run', 'try it')).toMatchObject({ code: 0, stderr: '' })
  })
})
