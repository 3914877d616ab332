/** The command line as its users run it: compiled, in a process of its own, in a directory of its own. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync } from 'node:fs'
import { copyFile, mkdir, readdir, rename, rm, stat } from 'node:fs/promises'
import { join, resolve } from 'node:path'
import { execa } from 'execa'
import { onTestFinished } from 'vitest'
import { bundleCli } from '../../scripts/bundle.mjs'
import { stopEmbeddedServer } from '../../src/adapters/nats/embedded-server.ts'
import { until } from './until.ts'

const root = resolve(import.meta.dirname, '../..')
const builds = join(root, 'node_modules/.cache/swarmtrail-cli')
const BUILD_AGE_MS_MAX = 3_600_000
const END_MS_MAX = 30_000

/** Compiles what is in `src` now, unless that has been done; call it before all tests. Returns the path of the program. */
export async function buildCli(): Promise<string> {
  const target = join(builds, await digestOfSources())
  const program = join(target, 'dist/cli.js')
  if (existsSync(program)) return program
  await removeOldBuilds()
  const own = `${target}-${process.pid}`
  await mkdir(join(own, 'dist'), { recursive: true })
  await copyFile(join(root, 'package.json'), join(own, 'package.json'))
  const out = ['--outDir', join(own, 'dist'), '--noCheck', '--declaration', 'false', '--sourceMap', 'false']
  await execa(join(root, 'node_modules/.bin/tsc'), ['-p', join(root, 'tsconfig.build.json'), ...out])
  await bundleCli(join(own, 'dist'))
  try {
    await rename(own, target)
  } catch (error) {
    // Another test file was first with the very same sources.
    if (!existsSync(program)) throw error
    await rm(own, { recursive: true, force: true })
  }
  return program
}

async function digestOfSources(): Promise<string> {
  const hash = createHash('sha256')
  const files = await readdir(join(root, 'src'), { recursive: true, withFileTypes: true })
  for (const path of files
    .filter((file) => file.isFile())
    .map((file) => join(file.parentPath, file.name))
    .toSorted())
    hash.update(`${path} ${(await stat(path)).mtimeMs}\n`)
  return hash.digest('hex').slice(0, 16)
}

async function removeOldBuilds(): Promise<void> {
  await mkdir(builds, { recursive: true })
  for (const name of await readdir(builds)) {
    const { mtimeMs } = await stat(join(builds, name))
    if (Date.now() - mtimeMs > BUILD_AGE_MS_MAX) await rm(join(builds, name), { recursive: true, force: true })
  }
}

export type CliResult = { code: number | null; stdout: string; stderr: string }
export type CliProcess = {
  child: ChildProcess
  readonly stdout: string
  readonly stderr: string
  ended: Promise<CliResult>
  /** Waits until standard output and error together hold the text. */
  prints(text: string): Promise<void>
}
export type Cli = {
  directory: string
  /** Starts a command. It is ended after the test, should it still run. */
  start(...args: string[]): CliProcess
  /** Runs a command to its end. */
  run(...args: string[]): Promise<CliResult>
  /** Runs a command with `--json` and gives the lines of its standard output. */
  json(...args: string[]): Promise<{ code: number | null; values: unknown[]; stderr: string }>
}

/** Commands in a directory, as of a user whose environment holds nothing of ours but what is given. */
export function cliIn(program: string, directory: string, env: Record<string, string> = {}): Cli {
  // Ends what a failing test left behind; there is nothing to do after others.
  onTestFinished(async () => void (await stopEmbeddedServer(join(directory, '.swarmtrail'))))
  const start = (...args: string[]): CliProcess => launch(program, directory, env, args)
  const run = (...args: string[]): Promise<CliResult> => start(...args).ended
  return {
    directory,
    start,
    run,
    json: async (...args) => {
      const { code, stdout, stderr } = await run(...args, '--json')
      return { code, values: linesOf(stdout), stderr }
    },
  }
}

/** Each line of standard output as JSON; throws when one is none. */
export function linesOf(stdout: string): unknown[] {
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as unknown)
}

function launch(program: string, directory: string, env: Record<string, string>, args: readonly string[]): CliProcess {
  const child = spawn(process.execPath, [program, ...args], {
    cwd: directory,
    env: { ...environment(), ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => (stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (stderr += text))
  const ended = new Promise<CliResult>((resolve) => {
    child.on('close', (code) => resolve({ code, stdout, stderr }))
  })
  onTestFinished(async () => {
    child.kill('SIGTERM')
    const force = setTimeout(() => child.kill('SIGKILL'), END_MS_MAX)
    await ended
    clearTimeout(force)
  })
  return {
    child,
    get stdout() {
      return stdout
    },
    get stderr() {
      return stderr
    },
    ended,
    prints: (text) =>
      until(`${args.join(' ')} prints ${text}: ${stderr}`, () => (stdout + stderr).includes(text), END_MS_MAX),
  }
}

function environment(): Record<string, string | undefined> {
  const names = ['NATS_URL', 'SWARMTRAIL_DIR', 'SWARMTRAIL_NAMESPACE', 'SWARMTRAIL_DEBUG']
  return { ...process.env, ...Object.fromEntries(names.map((name) => [name, undefined])) }
}
